"""Where events wait until the bus has taken them, and the bus. Adapters are in `aws`; tests bring fakes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from token_broker.domain.events import Event


@dataclass(frozen=True, slots=True)
class UndeliveredEvent:
    """An event that waits since `since`; from `due_at` on the clock looks after it (both in Unix seconds).

    `name` is the item's key as text. `event` is None where nobody can make sense of what is there. `tries` counts how
    often it was put off.
    """

    name: str
    event: Event | None
    since: int
    due_at: int
    tries: int


class Outbox(Protocol):
    """Events that were written with the change they tell of. Raises `StorageUnavailable`."""

    def read(self, name: str) -> UndeliveredEvent | None:
        """One event, read consistently; None where it has been delivered."""
        ...

    def delete(self, entry: UndeliveredEvent) -> None:
        """The bus has taken it."""
        ...

    def reschedule(self, entry: UndeliveredEvent, due_at: int) -> None:
        """Come back to it later, unless somebody else has moved or delivered it."""
        ...


class EventBus(Protocol):
    """Where subscribers are."""

    def room(self, events: Sequence[Event]) -> int:
        """How many of these, from the first on, one call takes: at least one."""
        ...

    def put(self, events: Sequence[Event]) -> list[str | None]:
        """For each event None once the bus has it, else the code of its refusal. Raises `StorageUnavailable`."""
        ...
