"""Define the index of pending work and the workers' queues."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

#: The worker that delivers events. Every other item goes to its provider's worker.
OUTBOX = "outbox"


class DueItem(NamedTuple):
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


class WorkMessage(NamedTuple):
    """Hold the pending items of one merchant at one provider, for one message to the worker's queue."""

    worker: str
    provider: str
    merchant: str
    items: tuple[DueItem, ...]


class DueIndex(Protocol):
    """List pending work by shard. All shop-wide items of a merchant are in one shard. Raises `StorageUnavailable`."""

    shards: int

    def pages(self, shard: int, until: int) -> Iterator[Sequence[DueItem]]:
        """Return the shard's items that are due by `until` (Unix seconds), oldest first, one query for each page."""


class WorkQueues(Protocol):
    """Send work to each worker's queue, at most `batch_size` messages in one call."""

    batch_size: int

    def has(self, worker: str) -> bool:
        """Return whether the worker has a queue."""

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
        """Send the messages and return how many were accepted. Raises `StorageUnavailable`."""
