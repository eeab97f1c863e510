"""The due-index and the queues of work in memory."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from tests.fakes.clock import NOW
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import (
    DispatchCursor,
    DueIndex,
    DueItem,
    DuePage,
    IndexCursor,
    IndexKey,
    WorkMessage,
    WorkQueues,
)


def due(
    merchant: str = "acme",
    item: str = "subject#shop",
    *,
    provider: str = "shopify",
    ago: int = 0,
    outbox: bool = False,
) -> DueItem:
    """One item that is due since so many seconds."""
    return DueItem(provider, merchant, item, int(NOW) - ago, outbox)


class MemoryDueIndex:
    """The `DueIndex` port. `parts` holds the pages of each shard, in their order; `asked` is what was looked at.

    An entry's key is its number in the shard; like DynamoDB, it takes no key that the query would not find.
    """

    def __init__(self, *, shards: int = 4) -> None:
        self.shards = shards
        self.parts: defaultdict[int, list[list[DueItem]]] = defaultdict(list)
        self.asked: list[int] = []
        self.pages_read = 0
        #: What happens while a page is read.
        self.read: Callable[[], object] = lambda: None
        self.unreadable: set[int] = set()

    def pages(self, shard: int, until: int, after: IndexKey | None = None) -> Iterator[DuePage]:
        self.asked.append(shard)
        number, last = 0, -1 if after is None else int(after["number"])
        assert after is None or after["dueAt"] <= until, "the key is outside of what is asked for"
        for page in self.parts[shard] or [[]]:
            entries = list(enumerate(page, number))
            number += len(page)
            if page and number <= last + 1:
                continue
            self.pages_read += 1
            self.read()
            if shard in self.unreadable:
                raise StorageUnavailable("The token table did not answer.")
            found = [(each, item) for each, item in entries if each > last and item.due_at <= until]
            keys = [{"number": each, "dueAt": item.due_at} for each, item in found]
            yield DuePage([item for _, item in found], keys)


class MemoryCursor:
    """The `DispatchCursor` port; `failure` is what every call meets."""

    def __init__(self) -> None:
        self.cursor: IndexCursor | None = None
        self.seen: str | None = None
        self.calls: list[str] = []
        self.failure: Exception | None = None
        self._notes = 0

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure

    def read(self) -> tuple[IndexCursor | None, str | None]:
        self._call("read")
        return self.cursor, self.seen

    def save(self, cursor: IndexCursor, seen: str | None) -> None:
        self._call("save")
        if seen == self.seen or self.seen is None:
            self._notes += 1
            self.cursor, self.seen = cursor, f"note-{self._notes}"

    def clear(self, seen: str) -> None:
        self._call("clear")
        if seen == self.seen:
            self.cursor, self.seen = None, None


class MemoryWorkQueues:
    """The `WorkQueues` port. `refused` merchants' messages are not taken; `failures` are of the next calls."""

    batch_size = 10

    def __init__(self, *workers: str) -> None:
        self.workers = workers or ("shopify",)
        self.sent: list[WorkMessage] = []
        self.calls: list[int] = []
        self.refused: set[str] = set()
        #: What happens while a batch is taken.
        self.took: Callable[[], object] = lambda: None
        self.failures: list[Exception] = []

    def has(self, worker: str) -> bool:
        return worker in self.workers

    def send(self, worker: str, batch: Sequence[WorkMessage]) -> int:
        self.calls.append(len(batch))
        self.took()
        if self.failures:
            raise self.failures.pop(0)
        taken = [work for work in batch if work.merchant not in self.refused]
        self.sent += taken
        return len(taken)


def ports() -> tuple[DueIndex, WorkQueues, DispatchCursor]:
    """Let the type checker compare the fakes with their ports."""
    return MemoryDueIndex(), MemoryWorkQueues(), MemoryCursor()
