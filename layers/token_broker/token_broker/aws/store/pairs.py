"""Store which version of the session secret has a merchant's pair, and the lease to renew it. No value is here."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.attributes import Key
from token_broker.aws.store.items import StorePart
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.table import ConditionFailed, TransactionRejected, update
from token_broker.domain.credential_pair import MerchantState, PairLease, PairRecord
from token_broker.domain.events import Event

_OWNED = "#owner = :owner AND fence = :fence"
# The fence also rises at the end of a renewal, so that nobody renews after an earlier read.
_END_LEASE = "REMOVE #owner, leaseEnd, tries"


class DynamoPairs(StorePart):
    """Keep one item for each merchant with expiring credentials."""

    def get(self, merchant: str) -> PairRecord:
        """Read the item consistently."""
        item = self._table.get(self._key(merchant)) or {}
        return PairRecord(
            merchant,
            version_id=item.get("versionId"),
            origin=item.get("origin", ""),
            fence=item.get("fence", 0),
            lease_ends_at=item["leaseEnd"] if "owner" in item else 0,
            migrating=item.get("migrating", ""),
            due_at=item.get("dueAt"),
            tries=item.get("tries", 0),
            state=MerchantState(item.get("state", MerchantState.ACTIVE)),
            refused_secret=item.get("refusedSecret", ""),
            told=item.get("told", {}),
            named_at=item.get("namedAt", 0),
        )

    def acquire(self, expected: PairRecord, owner: str, *, migrate: str = "") -> PairLease | None:
        """Write the lease in one conditional update. A migration is due at the end of the lease."""
        key, now = self._key(expected.merchant), self._items.now()
        expression = "SET #owner = :owner, leaseEnd = :end"
        if migrate:
            expression += ", migrating = :migrate, due = :due, dueAt = :end"
        condition = "fence = :seen" if expected.fence else "attribute_not_exists(fence)"
        values = {":owner": owner, ":end": now + LEASE, ":now": now, ":seen": expected.fence, ":one": 1}
        values |= {":migrate": migrate, ":due": records.due_shard(key[0])}
        free = "(attribute_not_exists(#owner) OR leaseEnd <= :now)"
        try:
            item = self._table.write(update(key, f"{expression} ADD fence :one", f"{condition} AND {free}", values))
        except ConditionFailed as failure:
            item = failure.found or {}
            if item.get("owner") != owner:
                return None
            # The write took effect, but its response was lost.
        return PairLease(expected, owner, item["fence"])

    def commit(self, lease: PairLease, version_id: str | None, origin: str, due_at: int, event: Event | None) -> bool:
        """Name the version in the write that ends the lease."""
        values = {":version": version_id, ":origin": origin, ":due": due_at, ":now": self._items.now()}
        changes = "SET origin = :origin, namedAt = :now, due = :shard, dueAt = :due"
        removed = "migrating, #state, refusedSecret"
        if version_id is None:
            removed = f"{removed}, versionId"
        else:
            changes = f"{changes}, versionId = :version"
        return self._end(lease, changes, removed, values, event)

    def refuse(self, lease: PairLease, secret: str, due_at: int, event: Event | None) -> bool:
        """Store the state in the write that ends the lease."""
        values = {":state": MerchantState.REAUTHORIZATION_REQUIRED.value, ":secret": secret, ":due": due_at}
        changes = "SET #state = :state, refusedSecret = :secret, due = :shard, dueAt = :due"
        return self._end(lease, changes, "migrating", values, event)

    def release(self, lease: PairLease, until: int) -> None:
        """Move the end of the lease."""
        values = {":owner": lease.owner, ":fence": lease.fence, ":until": until}
        self._table.try_write(update(self._key(lease.record.merchant), "SET leaseEnd = :until", _OWNED, values))

    def abandon(self, lease: PairLease) -> None:
        """Remove the mark of the migration in the write that ends the lease."""
        self._end(lease, "", "migrating, due, dueAt", {}, None)

    def cancel(self, expected: PairRecord) -> None:
        """Remove the due time."""
        values = {":seen": expected.due_at}
        self._table.try_write(update(self._key(expected.merchant), "REMOVE due, dueAt, tries", "dueAt = :seen", values))

    def _end(self, lease: PairLease, changes: str, removed: str, values: dict[str, Any], event: Event | None) -> bool:
        key = self._key(lease.record.merchant)
        values |= {":owner": lease.owner, ":fence": lease.fence, ":one": 1, ":shard": records.due_shard(key[0])}
        if event is not None:
            changes = f"{changes}, told = :told"
            values[":told"] = {**lease.record.told, str(event.detail["reason"]): event.occurred_at}
        write = update(key, f"{changes} {_END_LEASE}, {removed} ADD fence :one", _OWNED, values)
        try:
            if event is None:
                self._table.write(write)
            else:
                self._table.transact(write, self._items.emit(event), token=lease.owner)
        except TransactionRejected:
            return False
        except ConditionFailed as failure:
            # A repeated write, whose first response was lost, finds the fence that it has raised itself.
            found = failure.found or {}
            return "owner" not in found and found.get("fence") == lease.fence + 1
        return True

    def _key(self, merchant: str) -> Key:
        return self._items.shop_key(merchant, records.PAIR)
