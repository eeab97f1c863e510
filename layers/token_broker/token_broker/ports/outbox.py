"""Define the outbox of undelivered events and the event bus."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from token_broker.domain.events import Event


class UndeliveredEvent(NamedTuple):
    """Hold an event that the bus has not accepted yet.

    `name` is the item's key as text. `event` is None if the item is malformed. `since` is when the event occurred and
    `due_at` when the worker retries it, both in Unix seconds. `tries` counts how often it was rescheduled.
    """

    name: str
    event: Event | None
    since: int
    due_at: int
    tries: int


class Outbox(Protocol):
    """Keep the events that were stored with the change that they report. Raises `StorageUnavailable`."""

    def read(self, name: str) -> UndeliveredEvent | None:
        """Return the event, read consistently, or None if it was delivered."""

    def delete(self, entry: UndeliveredEvent) -> None:
        """Delete an event that the bus has accepted."""

    def reschedule(self, entry: UndeliveredEvent, due_at: int) -> None:
        """Reschedule the event and count one more try, unless it was rescheduled or delivered since it was read."""


class EventBus(Protocol):
    """Deliver events to their subscribers."""

    def room(self, events: Sequence[Event]) -> int:
        """Return how many of these events, from the first on, fit into one call: at least one."""

    def put(self, events: Sequence[Event]) -> list[str | None]:
        """Send the events. Return None for each accepted event and an error code for each rejected one.

        Raises `StorageUnavailable` if the call fails.
        """
