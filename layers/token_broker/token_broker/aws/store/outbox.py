"""The outbox: items beside those that they tell of."""

from contextlib import suppress

from token_broker.aws.store.outbox_items import event_of, key_of
from token_broker.aws.store.table import ConditionFailed, Table, delete, update
from token_broker.ports.outbox import UndeliveredEvent


class DynamoOutbox:
    """The `Outbox` port."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, name: str) -> UndeliveredEvent | None:
        """One consistent read. What cannot be read counts as old as can be, so that an alarm shows it."""
        item = self._table.get(key_of(name))
        if item is None:
            return None
        since, due_at, tries = (_number(item.get(each)) for each in ("occurredAt", "dueAt", "tries"))
        return UndeliveredEvent(name, event_of(item), since, due_at, tries)

    def delete(self, entry: UndeliveredEvent) -> None:
        """This event and no other."""
        event_id = entry.event.event_id if entry.event is not None else None
        arguments = delete(key_of(entry.name), "#id = :id", {":id": event_id}, {"#id": "eventId"})
        with suppress(ConditionFailed):  # delivered by another, too
            self._table.delete(arguments)

    def reschedule(self, entry: UndeliveredEvent, due_at: int) -> None:
        """Another time, and one more try counted."""
        values = {":due": due_at, ":seen": entry.due_at, ":one": 1}
        arguments = update(key_of(entry.name), "SET dueAt = :due ADD tries :one", "dueAt = :seen", values)
        with suppress(ConditionFailed):  # delivered meanwhile, or put off already
            self._table.update(arguments)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
