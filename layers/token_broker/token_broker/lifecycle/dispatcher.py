"""Send pending work from the index to the workers' queues, one message for each merchant.

The dispatcher does no work itself. The table is the source of truth. If a message is lost, a later run sends the
items again.

A run starts at a random shard and reads every shard once, oldest items first. It keeps no position for the next run.
A run with too little time is cut off. The random start means that such runs do not always leave out the same merchants.
Within a shard, the oldest work comes first. A worker finishes or reschedules the work that was sent, so later work
moves up and no merchant starves.
"""

from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any, NamedTuple

from token_broker.clock import Clock, Deadline
from token_broker.errors import StorageUnavailable
from token_broker.ports.telemetry import Telemetry, count_forbidden
from token_broker.ports.work import DueIndex, DueItem, WorkMessage, WorkQueues

#: The most items in one message. The merchant's other items follow with a later page or run.
ITEMS_PER_MESSAGE = 25
#: The most undelivered events in one message. Each session can have one, and they cost no provider request.
EVENTS_PER_MESSAGE = 200
#: Seconds that one call to AWS takes at most, with all its tries (`aws/session.py`).
MAX_CALL_SECONDS = 12.0
#: Seconds that must be left to start one more call. They cover the slowest call and the end of the run.
MIN_SECONDS_LEFT = MAX_CALL_SECONDS + 2


class DispatchSummary(NamedTuple):
    """Report what one run did. `complete` is False if the run was cut off before the end of the index."""

    items: int
    messages: int
    refused: int
    complete: bool

    def as_json(self) -> dict[str, Any]:
        """Return the response of a direct invocation."""
        return self._asdict()


class _OutOfTimeError(Exception):
    """Report that too little time is left to start another call."""


class Dispatcher:
    """Dispatch pending work in one run."""

    def __init__(  # noqa: PLR0917  # one argument for each port
        self,
        index: DueIndex,
        queues: WorkQueues,
        clock: Clock,
        telemetry: Telemetry,
        jitter: Callable[[], float],
        deadline: Deadline,
    ) -> None:
        self._index = index
        self._queues = queues
        self._clock = clock
        self._telemetry = telemetry
        self._jitter = jitter
        self._deadline = deadline
        self._items = self._messages = self._refused = 0
        self._complete = True
        #: Seconds for which the oldest item has been due.
        self._lag = 0

    def run(self) -> DispatchSummary:
        """Read every shard of the index, and send its pending work to the queues.

        Raises `StorageUnavailable` if the table fails, or if the queues accept nothing.
        """
        now, unread_shards = int(self._clock.now()), 0
        for shard in self._shards():
            try:
                self._dispatch_shard(shard, now)
            except _OutOfTimeError:
                self._complete = False
                self._telemetry.notice("dispatch_cut_off", shard=shard, messages=self._messages)
                break
            except StorageUnavailable as failure:
                unread_shards += 1  # the other shards may be readable
                self._telemetry.notice("dispatch_shard_read_failed", causes=failure.causes)
                count_forbidden(self._telemetry, failure)
        summary = DispatchSummary(self._items, self._messages, self._refused, self._complete)
        self._count(summary)
        if unread_shards:
            raise StorageUnavailable("Some shards of the index could not be read. The next run reads them again.")
        if summary.refused and not summary.messages:
            raise StorageUnavailable("No queue accepted the pending work. The next run sends it again.")
        return summary

    def _shards(self) -> list[int]:
        """Return every shard once, from a random one on."""
        first = int(self._jitter() * self._index.shards)
        return [*range(first, self._index.shards), *range(first)]

    def _dispatch_shard(self, shard: int, now: int) -> None:
        self._require_time()
        for page in self._index.pages(shard, now):
            if page:
                self._lag = max(self._lag, now - page[0].due_at)
            self._dispatch_page(page)
            self._require_time()  # for the next page

    def _dispatch_page(self, page: Sequence[DueItem]) -> None:
        self._items += len(page)
        for worker, messages in _messages_by_worker(page).items():
            if not self._queues.has(worker):
                # No worker will ever process these items. An operator must know.
                self._telemetry.notice("no_queue_for_provider", provider_of_items=worker, merchants=len(messages))
                continue
            for batch in batched(messages, self._queues.batch_size, strict=False):
                self._require_time()
                self._send(worker, batch)

    def _send(self, worker: str, batch: Sequence[WorkMessage]) -> None:
        """Send one batch. A later run sends rejected messages again. A retry here would delay all later work."""
        try:
            accepted = self._queues.send(worker, batch)
        except StorageUnavailable as failure:
            self._telemetry.notice("dispatch_failed", code=failure.code, causes=failure.causes)
            count_forbidden(self._telemetry, failure)
            accepted = 0
        self._messages += accepted
        self._refused += len(batch) - accepted

    def _require_time(self) -> None:
        if self._deadline.left() <= MIN_SECONDS_LEFT:
            raise _OutOfTimeError

    def _count(self, summary: DispatchSummary) -> None:
        self._telemetry.count("DispatcherRuns")
        self._telemetry.count("DueItems", summary.items)
        self._telemetry.count("DispatchesSent", summary.messages)
        self._telemetry.count("OldestDueLag", self._lag, "Seconds")
        if not summary.complete:
            self._telemetry.count("DispatcherRunsCutOff")
        if summary.refused:
            self._telemetry.count("DispatchesRefused", summary.refused)


def _messages_by_worker(page: Sequence[DueItem]) -> dict[str, list[WorkMessage]]:
    """Return one message for each merchant and provider, with the oldest items of each."""
    items: dict[tuple[str, str, str], list[DueItem]] = {}
    for item in page:
        items.setdefault((item.worker, item.provider, item.merchant), []).append(item)
    messages: dict[str, list[WorkMessage]] = {}
    for (worker, provider, merchant), found in items.items():
        limit = EVENTS_PER_MESSAGE if found[0].outbox else ITEMS_PER_MESSAGE
        messages.setdefault(worker, []).append(WorkMessage(worker, provider, merchant, tuple(found[:limit])))
    return messages
