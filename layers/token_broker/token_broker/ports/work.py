"""Define the index of pending work, the dispatcher's cursor and the workers' queues."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

#: The key of an entry in the index, as the index gave it. Callers only pass it back.
type IndexKey = Mapping[str, Any]

#: The worker that delivers events. Every other item goes to its provider's worker.
OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class DueItem:
    """Hold one pending item, due since `due_at` (Unix seconds).

    `item` is its key among the merchant's items. `outbox` is True for an undelivered event.
    """

    provider: str
    merchant: str
    item: str
    due_at: int
    outbox: bool = False

    @property
    def worker(self) -> str:
        """Return the worker whose queue the item goes to."""
        return OUTBOX if self.outbox else self.provider


@dataclass(frozen=True, slots=True)
class DuePage:
    """Hold one page of items in the order of the index, and each item's key there."""

    items: Sequence[DueItem]
    keys: Sequence[IndexKey]


@dataclass(frozen=True, slots=True)
class IndexCursor:
    """Hold the position in the index at which a run stopped.

    The run has dispatched the shard's items up to and including `after`, due at `due_at` (Unix seconds). It has
    dispatched none of them if `after` is None.
    """

    shard: int
    after: IndexKey | None = None
    due_at: int = 0


@dataclass(frozen=True, slots=True)
class WorkMessage:
    """Hold the pending items of one merchant at one provider, for one message."""

    items: tuple[DueItem, ...]

    @property
    def worker(self) -> str:
        """Return the worker whose queue the message goes to."""
        return self.items[0].worker

    @property
    def provider(self) -> str:
        """Return the provider of the items."""
        return self.items[0].provider

    @property
    def merchant(self) -> str:
        """Return the merchant of the items."""
        return self.items[0].merchant


class DueIndex(Protocol):
    """List pending work by shard. All shop-wide items of a merchant are in one shard. Raises `StorageUnavailable`."""

    @property
    def shards(self) -> int:
        """Return the number of shards."""
        ...

    def pages(self, shard: int, until: int, after: IndexKey | None = None) -> Iterator[DuePage]:
        """Return the shard's items that are due by `until` (Unix seconds), oldest first, one query for each page.

        `after` is a key that is due by `until`. Its entry may be gone. The items behind it are returned.
        """
        ...


class DispatchCursor(Protocol):
    """Keep the position at which the last run stopped. Raises `StorageUnavailable`.

    Two concurrent runs read the same position and send the same items. Only the first of them changes the position.
    """

    def read(self) -> tuple[IndexCursor | None, str | None]:
        """Return the position (None after a complete run) and its version, which the next two methods expect."""
        ...

    def save(self, cursor: IndexCursor, version: str | None) -> None:
        """Save the position for the next run, unless another run has changed it since it was read."""
        ...

    def clear(self, version: str) -> None:
        """Delete the position, unless another run has changed it since it was read."""
        ...


class WorkQueues(Protocol):
    """Send work to each worker's queue."""

    def has(self, worker: str) -> bool:
        """Return whether the worker has a queue."""
        ...

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
        """Send at most `batch_size` messages and return how many were accepted. Raises `StorageUnavailable`."""
        ...

    @property
    def batch_size(self) -> int:
        """Return the largest number of messages in one call."""
        ...
