"""The due-index and the queues of work in memory."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from tests.fakes.clock import NOW
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import DueIndex, DueItem, WorkMessage, WorkQueues


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


def work_message(*items: DueItem) -> WorkMessage:
    """Build the message with these items of one merchant."""
    return WorkMessage(items[0].worker, items[0].provider, items[0].merchant, items)


class MemoryDueIndex:
    """The `DueIndex` port. `parts` holds the pages of each shard, in their order; `asked` is what was looked at."""

    def __init__(self, *, shards: int = 4) -> None:
        self.shards = shards
        self.parts: defaultdict[int, list[list[DueItem]]] = defaultdict(list)
        self.asked: list[int] = []
        self.pages_read = 0
        #: What happens while a page is read.
        self.read: Callable[[], object] = lambda: None
        self.unreadable: set[int] = set()
        self.causes: tuple[str, ...] = ()

    def pages(self, shard: int, until: int) -> Iterator[list[DueItem]]:
        self.asked.append(shard)
        for page in self.parts[shard] or [[]]:
            self.pages_read += 1
            self.read()
            if shard in self.unreadable:
                raise StorageUnavailable("The token table did not answer.", causes=self.causes)
            yield [item for item in page if item.due_at <= until]


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


def ports() -> tuple[DueIndex, WorkQueues]:
    """Let the type checker compare the fakes with their ports."""
    return MemoryDueIndex(), MemoryWorkQueues()
