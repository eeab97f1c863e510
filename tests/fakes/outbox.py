"""The outbox and the bus in memory."""

from collections.abc import Callable, Sequence

from tests.fakes.clock import NOW
from token_broker.domain.events import Event, session_closed
from token_broker.errors import StorageUnavailable
from token_broker.ports.outbox import EventBus, Outbox, UndeliveredEvent


def closed(session: str = "s-1") -> Event:
    """Build the shortest event."""
    return session_closed("chicksx", "acme", session, order_id=None, closed_at=int(NOW))


class MemoryOutbox:
    """The `Outbox` port. `there` has the waiting events by name."""

    def __init__(self) -> None:
        self.there: dict[str, UndeliveredEvent] = {}
        #: What happens while an event is read or deleted.
        self.reading: Callable[[], object] = lambda: None
        self.deleting: Callable[[], object] = lambda: None

    def add(self, name: str, event: Event | None = None, *, ago: int = 0, tries: int = 0) -> Event:
        """Add an event of so many seconds ago."""
        event = event or closed(name)
        self.there[name] = UndeliveredEvent(name, event, int(NOW) - ago, int(NOW) - ago + 300, tries)
        return event

    def corrupt(self, name: str) -> None:
        """Nobody can make sense of it any more."""
        self.there[name] = self.there[name]._replace(event=None)

    def read(self, name: str) -> UndeliveredEvent | None:
        self.reading()
        return self.there.get(name)

    def delete(self, entry: UndeliveredEvent) -> None:
        self.deleting()
        self.there.pop(entry.name, None)

    def reschedule(self, entry: UndeliveredEvent, due_at: int) -> None:
        if (found := self.there.get(entry.name)) is not None and found.due_at == entry.due_at:
            self.there[entry.name] = found._replace(due_at=due_at, tries=found.tries + 1)


class MemoryEventBus:
    """The `EventBus` port. `taken` is what subscribers got; `calls` has the sizes of the calls."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.calls: list[int] = []
        #: By event id: how often it is still refused.
        self.refusals: dict[str, int] = {}
        self.down = False
        self.most = 10

    def room(self, events: Sequence[Event]) -> int:
        return min(len(events), self.most)

    def put(self, events: Sequence[Event]) -> list[str | None]:
        self.calls.append(len(events))
        if self.down:
            raise StorageUnavailable("The event bus did not answer.", causes=("EventBridge: AccessDeniedException",))
        return [self._put(event) for event in events]

    def _put(self, event: Event) -> str | None:
        if self.refusals.get(event.event_id, 0) > 0:
            self.refusals[event.event_id] -= 1
            return "InternalFailure"
        self.taken.append(event)
        return None


def ports() -> tuple[Outbox, EventBus]:
    """Let the type checker compare the fakes with their ports."""
    return MemoryOutbox(), MemoryEventBus()
