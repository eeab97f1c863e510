"""Name and reschedule pending work. `records` shows which items are pending."""

import re
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import StorePart
from token_broker.aws.store.table import update
from token_broker.domain import pending
from token_broker.domain.credential_pair import PairRecord
from token_broker.domain.leases import OpenIntent
from token_broker.domain.rotation import Rotation

_ITEM = re.compile(r"([a-z]{1,20})#([A-Za-z0-9_-]{1,100})")
#: The kinds of pending items, by the first part of their sort keys.
_KINDS = {
    "token": pending.WorkKind.REVOCATION,
    "rotation": pending.WorkKind.ROTATION,
    "settings": pending.WorkKind.ROTATION_SETTINGS,
    "reconciliation": pending.WorkKind.RECONCILIATION,
    "pair": pending.WorkKind.PAIR,
    "subject": pending.WorkKind.INTENT,
    "intent": pending.WorkKind.INTENT,
}
_UNMOVED = "dueAt = :seen"


class DynamoSchedule(StorePart):
    """Keep the attribute `dueAt` of pending items."""

    def identify(self, item: str) -> pending.WorkRef | None:
        """Read the sort key that the dispatcher found in the index."""
        key = _ITEM.fullmatch(item)
        kind = None if key is None else _KINDS.get(key[1])
        if key is None or kind is None:
            return None
        return pending.WorkRef(kind, "" if key[1] == "subject" else key[2])

    def reschedule(
        self, work: pending.Work | pending.UnreadWork, due_at: int | None, *, failure: str | None = None
    ) -> None:
        """Change the due time in one conditional update. The first failure of a rotation is stored with its event."""
        key, condition, values = self._place(work)
        changed, removed = ([], ["due", "dueAt", "tries"]) if due_at is None else (["dueAt = :due"], [])
        if isinstance(work, OpenIntent):
            removed += ["#owner", "leaseEnd"]
        if isinstance(work, Rotation) and failure is not None:
            changed.append("failure = :failure")
        clauses = [
            f"SET {', '.join(changed)}" if changed else "",
            f"REMOVE {', '.join(removed)}" if removed else "",
            "" if failure is None or isinstance(work, pending.SettingsCheck) else "ADD tries :one",
        ]
        values |= {":due": due_at, ":failure": failure, ":one": 1}
        write = update(key, " ".join(filter(None, clauses)), condition, values)
        if isinstance(work, Rotation) and failure is not None and work.failure is None:
            self._table.try_transact(write, self._items.rotation_failure(work, failure, retrying=True))
        else:
            self._table.try_write(write)

    def _place(self, work: pending.Work | pending.UnreadWork) -> tuple[Key, str, dict[str, Any]]:
        """Return the item's key, and the condition that holds as long as nobody has changed the item."""
        match work:
            case pending.PendingRevocation():
                return self._items.token_key(work.token), _UNMOVED, {":seen": work.due_at}
            case Rotation():
                condition, values = f"rotationId = :id AND {_UNMOVED}", {":id": work.rotation_id, ":seen": work.due_at}
                return self._items.shop_key(work.merchant, records.ROTATION), condition, values
            case pending.SettingsCheck():
                condition, values = f"revision = :id AND {_UNMOVED}", {":id": work.revision, ":seen": work.due_at}
                return self._items.shop_key(work.merchant, records.SETTINGS), condition, values
            case pending.Reconciliation() | PairRecord():
                sk = records.PAIR if isinstance(work, PairRecord) else records.RECONCILIATION
                return self._items.shop_key(work.merchant, sk), _UNMOVED, {":seen": work.due_at}
            case OpenIntent():
                lease = work.lease
                key = self._items.lease_key(lease.merchant, lease.subject, lease.standing_id)
                return key, "#owner = :owner AND fence = :fence", {":owner": lease.owner, ":fence": lease.fence}
            case pending.UnreadWork():
                return self._items.shop_key(work.merchant, work.item), "attribute_exists(dueAt)", {}
