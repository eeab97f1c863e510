"""Let the worker finish pending revocations and the open intents of crashed callers."""

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
_PENDING_STATES = frozenset(_STATES.values())


class UnfinishedWork(ProviderItems):
    """Acquire and reschedule pending work. Each write changes nothing if another call was faster."""

    def pending_revocation(self, merchant: str, token_id: str) -> PendingRevocation | None:
        """Read the record consistently."""
        item = self._table.get(self._token_key(merchant, SHOP, token_id))
        if item is None or item["state"] not in _PENDING_STATES:
            return None
        # Older records have no `revokingAt`. A retiring token has neither time, and is due when its overlap ends.
        since = item.get("revokingAt", item.get("endedAt", item["dueAt"]))
        retiring = item["state"] == State.RETIRING.value
        reason = Reason(item.get("endedWhy", Reason.ROTATED if retiring else Reason.REQUESTED))
        return PendingRevocation(records.token_of(item), since, item["dueAt"], item.get("tries", 0), reason)

    def reschedule_revocation(self, pending: PendingRevocation, due_at: int) -> None:
        """Change the due time and increment the attempt counter."""
        token = pending.token
        values = {":due": due_at, ":seen": pending.due_at, ":one": 1, **_STATES}
        arguments = update(
            self._token_key(token.merchant, token.subject, token.token_id),
            "SET dueAt = :due ADD tries :one",
            "#state IN (:revoking, :retiring) AND dueAt = :seen",
            values,
            {"#state": "state"},
        )
        with suppress(ConditionFailed):  # another call confirmed or rescheduled it
            self._table.update(arguments)

    def defer(self, merchant: str, item: str, due_at: int) -> None:
        """Change only the due time, so that a lease that was just acquired keeps its end."""
        key = records.partition(self._provider, merchant), item
        with suppress(ConditionFailed):  # it is not pending any more
            self._table.update(update(key, "SET dueAt = :due", "attribute_exists(dueAt)", {":due": due_at}))

    def acquire_expired(self, merchant: str, item: str, owner: str) -> OpenIntent | None:
        """Acquire the lease and raise the fence, if an intent is open and its due time has come."""
        pk, now = records.partition(self._provider, merchant), self._now()
        values = {":owner": owner, ":end": now + LEASE, ":now": now, ":one": 1}
        arguments = update(
            (pk, item),
            # An older intent has no `intentEnd`. It was due when its holder's lease ended.
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
                return None
            # The write took effect, but its response was lost.
        return _open_intent(merchant, item, owner, found)

    def release_and_retry_at(self, lease: MintLease, due_at: int) -> None:
        """End the lease early and keep the intent."""
        key = records.partition(self._provider, lease.merchant, lease.subject), lease.key
        values = {":owner": lease.owner, ":fence": lease.fence, ":due": due_at, ":one": 1}
        expression = "SET dueAt = :due REMOVE #owner, leaseEnd ADD tries :one"
        with suppress(ConditionFailed):  # another call holds the lease
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
