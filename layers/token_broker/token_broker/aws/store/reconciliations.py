"""Schedule reconciliations."""

from typing import Any

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems, StorePart
from token_broker.aws.store.table import Write, update
from token_broker.domain.events import Event
from token_broker.domain.pending import Reconciliation


class DynamoReconciliations(StorePart):
    """Keep one item for each merchant, due once a day."""

    def __init__(self, items: ProviderItems) -> None:
        super().__init__(items)
        #: The merchants whose reconciliation this process knows to be scheduled.
        self._scheduled: set[str] = set()

    def get(self, merchant: str) -> Reconciliation | None:
        """Read the item consistently."""
        item = self._table.get(self._items.shop_key(merchant, records.RECONCILIATION))
        if item is None:
            return None
        return Reconciliation(
            merchant=merchant, due_at=item.get("dueAt"), tries=item.get("tries", 0), near_at=item.get("nearAt")
        )

    def schedule(self, merchant: str, due_at: int) -> None:
        """Write once for each merchant in a process."""
        if merchant not in self._scheduled:
            key = self._items.shop_key(merchant, records.RECONCILIATION)
            values = self._items.due_values(key[0], due_at)
            self._table.try_write(update(key, "SET due = :due, dueAt = :dueAt", "attribute_not_exists(dueAt)", values))
            self._scheduled.add(merchant)

    def complete(self, expected: Reconciliation, due_at: int, near_at: int | None, event: Event | None = None) -> None:
        """Store the next due time, and the event in the same transaction."""
        near = " REMOVE tries, nearAt" if near_at is None else ", nearAt = :near REMOVE tries"
        pk, _ = self._items.shop_key(expected.merchant, records.RECONCILIATION)
        values = {**self._items.due_values(pk, due_at), ":now": self._items.now(), ":near": near_at}
        write = self._update(expected, f"SET due = :due, dueAt = :dueAt, reconciledAt = :now{near}", values)
        if event is None:
            self._table.try_write(write)
        else:
            self._table.try_transact(write, self._items.emit(event))

    def cancel(self, expected: Reconciliation) -> None:
        """Remove the due time."""
        self._table.try_write(self._update(expected, "REMOVE due, dueAt, tries", {}))
        self._scheduled.discard(expected.merchant)

    def _update(self, expected: Reconciliation, expression: str, values: dict[str, Any]) -> Write:
        """Return an update of the item that fails if another call has changed its due time."""
        key = self._items.shop_key(expected.merchant, records.RECONCILIATION)
        condition = "attribute_not_exists(dueAt)" if expected.due_at is None else "dueAt = :seen"
        return update(key, expression, condition, {**values, ":seen": expected.due_at})
