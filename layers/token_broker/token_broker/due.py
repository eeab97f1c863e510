"""What the clock must come back to, and where the work on it is sent. Adapters are in `aws`; tests bring fakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

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
class Work:
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

    def pages(self, shard: int, now: int) -> Iterator[list[DueItem]]:
        """What is due by now, oldest first; one query for each page, made when it is asked for."""
        ...


class WorkQueues(Protocol):
    """Each worker's queue of work."""

    def has(self, worker: str) -> bool:
        """Whether there is such a worker."""
        ...

    def send(self, worker: str, batch: Sequence[Work]) -> int:
        """Hand over at most `batch_size` messages; how many were taken. Raises `StorageUnavailable`."""
        ...

    @property
    def batch_size(self) -> int: ...
