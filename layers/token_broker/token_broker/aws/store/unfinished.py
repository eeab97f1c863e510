"""What was begun and not ended, for whoever the clock sends: pending revocations, and open intents of dead holders."""

from contextlib import suppress
from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems
from token_broker.aws.store.leases import FREE, LEASE, OWNED, OWNER
from token_broker.aws.store.table import ConditionFailed, update
from token_broker.domain.leases import MintLease, OpenIntent
from token_broker.domain.pending import PendingRevocation
from token_broker.domain.token import SHOP, Reason, State

_STATES = {":revoking": State.REVOKING.value, ":retiring": State.RETIRING.value}
_TO_END = frozenset(_STATES.values())


class Unfinished(ProviderItems):
    """Each write can be made again, and changes nothing where somebody else was faster."""

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """One consistent read."""
        item = self._table.get(self._token_key(merchant, SHOP, token_id))
        if item is None or item["state"] not in _TO_END:
            return None
        # Older records have no `revokingAt`. A replaced token has neither: it is not late before its overlap is over.
        since = item.get("revokingAt", item.get("endedAt", item["dueAt"]))
        retiring = item["state"] == State.RETIRING.value
        reason = Reason(item.get("endedWhy", Reason.ROTATED if retiring else Reason.REQUESTED))
        return PendingRevocation(records.token_of(item), since, item["dueAt"], item.get("tries", 0), reason)

    def reschedule_revocation(self, pending: PendingRevocation, due_at: int) -> None:
        """Another time, and one more try counted."""
        token = pending.token
        values = {":due": due_at, ":seen": pending.due_at, ":one": 1, **_STATES}
        arguments = update(
            self._token_key(token.merchant, token.subject, token.token_id),
            "SET dueAt = :due ADD tries :one",
            "#state IN (:revoking, :retiring) AND dueAt = :seen",
            values,
            {"#state": "state"},
        )
        with suppress(ConditionFailed):  # confirmed meanwhile, or put off already
            self._table.update(arguments)

    def defer(self, merchant: str, item: str, due_at: int) -> None:
        """The time alone is written, and a lease that was just taken is left to its end."""
        key = records.partition(self._provider, merchant), item
        with suppress(ConditionFailed):  # it is due no more
            self._table.update(update(key, "SET dueAt = :due", "attribute_exists(dueAt)", {":due": due_at}))

    def acquire_expired(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        """The lease of an open intent, by the fence as any holder has it. Nothing is begun where none is open."""
        pk, now = records.partition(self._provider, merchant), self._now()
        values = {":owner": owner, ":end": now + LEASE, ":now": now, ":one": 1}
        arguments = update(
            (pk, item),
            # An older intent has no end of its own: it was due when its holder's lease ended.
            "SET #owner = :owner, leaseEnd = :end, intentEnd = if_not_exists(intentEnd, dueAt), dueAt = :end "
            "ADD fence :one",
            f"attribute_exists(intentId) AND dueAt <= :now AND {FREE}",
            values,
            OWNER,
        )
        try:
            found = self._table.update(arguments)
        except ConditionFailed as failure:
            found = failure.found or {}
            if found.get("owner") != owner:
                return None  # else the write had happened, and its answer was lost
        return _open_intent(merchant, item, owner, found)

    def release_and_retry_at(self, lease: MintLease, due_at: int) -> None:
        """The lease's end before its time; the intent stays."""
        key = records.partition(self._provider, lease.merchant, lease.subject), lease.key
        values = {":owner": lease.owner, ":fence": lease.fence, ":due": due_at, ":one": 1}
        expression = "SET dueAt = :due REMOVE #owner, leaseEnd ADD tries :one"
        with suppress(ConditionFailed):  # the lease was taken over
            self._table.update(update(key, expression, OWNED, values, OWNER))


def _open_intent(merchant: str, item: str, owner: str, found: dict[str, Any]) -> OpenIntent:
    lease = MintLease(
        merchant=merchant,
        subject=SHOP,
        key=item,
        intent_id=found["intentId"],
        owner=owner,
        fence=found["fence"],
        continued=True,
        title=found.get("intentTitle"),
        remembered="bodyHash" in found,
        account_id=found.get("intentRealm", ""),
    )
    return OpenIntent(lease, found.get("intentBy", ""), found["intentEnd"], found.get("tries", 0))
