"""What the clock must come back to, and where the work on it is sent. Adapters are in `aws`; tests bring fakes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: Where an entry is in the index: told by the index, and given back to it as it was.
type IndexKey = Mapping[str, Any]

#: Who works on events that were not delivered; on all else, whoever works for the provider does.
OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class DueItem:
    """One item that is due since `due_at` (Unix seconds); `item` is its key among those of its merchant.

    `outbox`: it is an event that was not delivered.
    """

    provider: str
    merchant: str
    item: str
    due_at: int
    outbox: bool = False

    @property
    def worker(self) -> str:
        """Whose queue it goes to."""
        return OUTBOX if self.outbox else self.provider


@dataclass(frozen=True, slots=True)
class DuePage:
    """A bounded number of items in the order of the index, and where each of them is there."""

    items: Sequence[DueItem]
    keys: Sequence[IndexKey]


@dataclass(frozen=True, slots=True)
class IndexCursor:
    """Where in the index a run was: it has handed out all of this part up to and with `after`, due at `due_at` (Unix
    seconds); nothing of it where `after` is None.
    """

    shard: int
    after: IndexKey | None = None
    due_at: int = 0


@dataclass(frozen=True, slots=True)
class WorkMessage:
    """One message: what is due of one merchant at one provider."""

    items: tuple[DueItem, ...]

    @property
    def worker(self) -> str:
        """Whose queue it goes to."""
        return self.items[0].worker

    @property
    def provider(self) -> str:
        """At which provider these are."""
        return self.items[0].provider

    @property
    def merchant(self) -> str:
        """Whose items these are."""
        return self.items[0].merchant


class DueIndex(Protocol):
    """What is due, in parts; all of a merchant's shop-wide items are in one. Raises `StorageUnavailable`."""

    @property
    def shards(self) -> int: ...

    def pages(self, shard: int, until: int, after: IndexKey | None = None) -> Iterator[DuePage]:
        """What is due by then (Unix seconds), oldest first, behind `after`; one query for each page, made when it is
        asked for. `after` itself need not be there any more, but must be due by then.
        """
        ...


class DispatchCursor(Protocol):
    """Where the last run was cut off. Raises `StorageUnavailable`.

    Two runs at once read the same and send the same; what the first of them notes, the other leaves alone.
    """

    def read(self) -> tuple[IndexCursor | None, str | None]:
        """The place, None after a run that saw all; and which note this is, for the next two calls."""
        ...

    def save(self, cursor: IndexCursor, version: str | None) -> None:
        """The next run begins there, unless another run has noted something since."""
        ...

    def clear(self, version: str) -> None:
        """The next run begins anywhere, unless another run has noted something since."""
        ...


class WorkQueues(Protocol):
    """Each worker's queue of work."""

    def has(self, worker: str) -> bool:
        """Whether there is such a worker."""
        ...

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
        """Hand over at most `batch_size` messages; how many were taken. Raises `StorageUnavailable`."""
        ...

    @property
    def batch_size(self) -> int: ...
