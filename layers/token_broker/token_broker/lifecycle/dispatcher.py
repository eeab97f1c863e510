"""Send pending work from the index to the workers' queues, one message for each merchant.

The dispatcher does no work itself. The table is the source of truth. If a message is lost, a later run sends the
items again.

A run starts at a random shard and reads every shard once, oldest items first. It keeps no position for the next run.
A run with too little time is cut off. The random start means that such runs do not always leave out the same merchants.
Within a shard, the oldest work comes first. A worker finishes or reschedules the work that was sent, so later work
moves up and no merchant starves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from token_broker.clock import Clock, Deadline
from token_broker.errors import StorageUnavailable
from token_broker.ports.telemetry import Telemetry
from token_broker.ports.work import DueIndex, DueItem, WorkMessage, WorkQueues

#: The most items in one message. The merchant's other items follow with a later page or run.
ITEMS_PER_MESSAGE = 25
#: The most undelivered events in one message. Each session can have one, and they cost no provider request.
EVENTS_PER_MESSAGE = 200
#: Seconds that one call to AWS takes at most, with all its tries (`aws/session.py`).
MAX_CALL_SECONDS = 12.0
#: Seconds that must be left to start one more call. They cover the slowest call and the end of the run.
MIN_SECONDS_LEFT = MAX_CALL_SECONDS + 2


@dataclass(slots=True)
class DispatchSummary:
    """Report what one run did. `complete` is False if the run was cut off before the end of the index."""

    items: int = 0
    messages: int = 0
    refused: int = 0
    complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the response of a direct invocation."""
        return {
            "items": self.items,
            "messages": self.messages,
            "refused": self.refused,
            "complete": self.complete,
        }


@dataclass(slots=True)
class _Run:
    """Hold the progress of one run, with its start and the oldest due time that it found (Unix seconds)."""

    now: int
    oldest: int
    unread_shards: int = 0
    summary: DispatchSummary = field(default_factory=DispatchSummary)


class _OutOfTimeError(Exception):
    """Report that too little time is left to start another call."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Dispatch pending work in one run."""

    index: DueIndex
    queues: WorkQueues
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline

    def run(self) -> DispatchSummary:
        """Read every shard of the index, and send its pending work to the queues.

        Raises `StorageUnavailable` if the table fails, or if the queues accept nothing.
        """
        now = int(self.clock.now())
        run = _Run(now, oldest=now)
        for shard in self._shards():
            try:
                self._dispatch_shard(run, shard)
            except _OutOfTimeError:
                run.summary.complete = False
                self.telemetry.notice("dispatch_cut_off", shard=shard, messages=run.summary.messages)
                break
            except StorageUnavailable as failure:
                run.unread_shards += 1  # the other shards may be readable
                self.telemetry.notice("dispatch_shard_read_failed", causes=failure.causes)
        self._count(run)
        _raise_if_failed(run)
        return run.summary

    def _shards(self) -> list[int]:
        """Return every shard once, from a random one on."""
        first = int(self.jitter() * self.index.shards)
        return [*range(first, self.index.shards), *range(first)]

    def _dispatch_shard(self, run: _Run, shard: int) -> None:
        self._require_time()
        for page in self.index.pages(shard, run.now):
            self._dispatch_page(run, page)
            self._require_time()  # for the next page

    def _dispatch_page(self, run: _Run, page: Sequence[DueItem]) -> None:
        run.summary.items += len(page)
        if page:
            run.oldest = min(run.oldest, page[0].due_at)
        for worker, messages in _messages_by_worker(page).items():
            if not self.queues.has(worker):
                # No worker will ever process these items. An operator must know.
                self.telemetry.notice("no_queue_for_provider", provider_of_items=worker, merchants=len(messages))
                continue
            for batch in batched(messages, self.queues.batch_size, strict=False):
                self._require_time()
                self._send(run.summary, worker, batch)

    def _send(self, summary: DispatchSummary, worker: str, batch: Sequence[WorkMessage]) -> None:
        """Send one batch. A later run sends rejected messages again. A retry here would delay all later work."""
        try:
            accepted = self.queues.send(worker, batch)
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_failed", code=failure.code, causes=failure.causes)
            accepted = 0
        summary.messages += accepted
        summary.refused += len(batch) - accepted

    def _require_time(self) -> None:
        if self.deadline.left() <= MIN_SECONDS_LEFT:
            raise _OutOfTimeError

    def _count(self, run: _Run) -> None:
        summary = run.summary
        self.telemetry.count("DispatcherRuns")
        self.telemetry.count("DueItems", summary.items)
        self.telemetry.count("DispatchesSent", summary.messages)
        self.telemetry.count("OldestDueLag", run.now - run.oldest, "Seconds")
        if not summary.complete:
            self.telemetry.count("DispatcherRunsCutOff")
        if summary.refused:
            self.telemetry.count("DispatchesRefused", summary.refused)


def _raise_if_failed(run: _Run) -> None:
    """Raise `StorageUnavailable` so that the run shows as failed."""
    if run.unread_shards:
        raise StorageUnavailable("Some shards of the index could not be read. The next run reads them again.")
    if run.summary.refused and not run.summary.messages:
        raise StorageUnavailable("No queue accepted the pending work. The next run sends it again.")


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
