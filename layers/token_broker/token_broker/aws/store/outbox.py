"""Read, delete and reschedule undelivered events in the table."""

from token_broker.aws.store.outbox_items import event_of, key_of
from token_broker.aws.store.table import Table, delete, update
from token_broker.ports.outbox import UndeliveredEvent


class DynamoOutbox:
    """Keep undelivered events in DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, name: str) -> UndeliveredEvent | None:
        """Read the item consistently. A malformed time counts as 0, so that an alarm shows the old event."""
        item = self._table.get(key_of(name))
        if item is None:
            return None
        since, due_at, tries = (_number(item.get(each)) for each in ("occurredAt", "dueAt", "tries"))
        return UndeliveredEvent(name, event_of(item), since, due_at, tries)

    def delete(self, entry: UndeliveredEvent) -> None:
        """Delete this event and no other, unless another call has delivered it."""
        event_id = entry.event.event_id if entry.event is not None else None
        self._table.try_write(delete(key_of(entry.name), "eventId = :id", {":id": event_id}))

    def reschedule(self, entry: UndeliveredEvent, due_at: int) -> None:
        """Change the due time and increment the attempt counter, unless another call delivered or rescheduled it."""
        values = {":due": due_at, ":seen": entry.due_at, ":one": 1}
        self._table.try_write(update(key_of(entry.name), "SET dueAt = :due ADD tries :one", "dueAt = :seen", values))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
