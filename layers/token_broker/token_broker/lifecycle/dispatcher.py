"""Send pending work from the index to the workers' queues, one message for each merchant.

The dispatcher does no work itself. The table is the source of truth. If a message is lost, a later run sends the
items again.

A run reads the whole index, page by page. A run that is cut off stores its position. The next run starts there and
reads the beginning of the index last.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from token_broker.clock import Clock, Deadline
from token_broker.errors import StorageUnavailable
from token_broker.ports.telemetry import Telemetry
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

#: The most items in one message. The merchant's other items follow with a later page or run.
ITEMS_PER_MESSAGE = 25
#: The most undelivered events in one message. Each session can have one, and they cost no provider request.
EVENTS_PER_MESSAGE = 200
#: Seconds that one call to AWS takes at most, with all its tries (`aws/session.py`).
MAX_CALL_SECONDS = 12.0
#: Seconds that must be left to start one more call. They cover the slowest call and a usual write of the cursor. A run
#: that ends while it writes the cursor only repeats work.
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
    """Hold the progress of one run."""

    now: int
    cursor: IndexCursor
    oldest: int
    unread_shards: int = 0
    summary: DispatchSummary = field(default_factory=DispatchSummary)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Dispatch pending work in one run."""

    index: DueIndex
    queues: WorkQueues
    cursor: DispatchCursor
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline

    def run(self) -> DispatchSummary:
        """Read every shard of the index, and send its pending work to the queues.

        Raises `StorageUnavailable` if the table fails, or if the queues accept nothing.
        """
        now = int(self.clock.now())
        start, version = self._read_start(now)
        run = _Run(now, start, oldest=now)
        for shard, until, after in self._scans(start, now):
            run.cursor = IndexCursor(shard, after, start.due_at if after else 0)
            self._scan(run, shard, until, after)
            if not run.summary.complete:
                break
        self._store_cursor(run, version)
        return self._report(run)

    def _read_start(self, now: int) -> tuple[IndexCursor, str | None]:
        """Return the position to start at, and the version of the stored cursor.

        The start is a random shard if no cursor can be used. Runs that die before they store a cursor must not always
        leave out the same merchants.
        """
        random_start = IndexCursor(int(self.jitter() * self.index.shards))
        try:
            cursor, version = self.cursor.read()
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_cursor_read_failed", causes=getattr(failure, "__notes__", []))
            return random_start, None
        if cursor is None or not 0 <= cursor.shard < self.index.shards:
            return random_start, version
        if cursor.after is not None and cursor.due_at > now:
            # The clock went back. The items behind the cursor are not due yet, and the items before it may be.
            return IndexCursor(cursor.shard), version
        return cursor, version

    def _scans(self, start: IndexCursor, now: int) -> Iterator[tuple[int, int, IndexKey | None]]:
        """Return each shard with the latest due time to read and the key to start behind.

        The part of the first shard before the start position comes last.
        """
        yield start.shard, now, start.after
        for number in range(1, self.index.shards):
            yield (start.shard + number) % self.index.shards, now, None
        if start.after is not None:
            yield start.shard, start.due_at, None

    def _scan(self, run: _Run, shard: int, until: int, after: IndexKey | None) -> None:
        pages = self.index.pages(shard, until, after)
        try:
            while self._has_time(run):
                page = next(pages, None)
                if page is None:
                    return
                run.summary.items += len(page.items)
                run.oldest = min(run.oldest, *(item.due_at for item in page.items[:1]), run.now)
                dispatched = self._send(run, page)
                if dispatched:
                    last = dispatched - 1
                    run.cursor = IndexCursor(shard, page.keys[last], page.items[last].due_at)
                if dispatched < len(page.items):
                    return
        except StorageUnavailable as failure:
            run.unread_shards += 1  # the other shards may be readable
            self.telemetry.notice("dispatch_shard_read_failed", causes=getattr(failure, "__notes__", []))

    def _has_time(self, run: _Run) -> bool:
        run.summary.complete = self.deadline.left() > MIN_SECONDS_LEFT
        return run.summary.complete

    def _send(self, run: _Run, page: DuePage) -> int:
        """Send the page's items, and return how many entries from its start this round has finished.

        These are all entries before the first one that there was no time for. Entries that a queue rejected are among
        them, and the next round sends them again. A retry here would let one rejected entry block all later ones.
        """
        unsent = _messages(page)
        for worker in dict.fromkeys(message.worker for message in unsent.values()):
            for_worker = [(first, message) for first, message in unsent.items() if message.worker == worker]
            if not self.queues.has(worker):
                # No worker will ever process these items. An operator must know.
                self.telemetry.notice("no_queue_for_provider", provider_of_items=worker, merchants=len(for_worker))
                unsent = {first: message for first, message in unsent.items() if message.worker != worker}
                continue
            for batch in batched(for_worker, self.queues.batch_size, strict=False):
                if not self._has_time(run):
                    return min(unsent)
                self._send_batch(worker, [message for _, message in batch], run.summary)
                for first, _ in batch:
                    del unsent[first]
        return len(page.items)

    def _send_batch(self, worker: str, batch: list[WorkMessage], summary: DispatchSummary) -> None:
        try:
            accepted = self.queues.send(worker, batch)
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_failed", code=failure.code, causes=getattr(failure, "__notes__", []))
            accepted = 0
        summary.messages += accepted
        summary.refused += len(batch) - accepted

    def _store_cursor(self, run: _Run, version: str | None) -> None:
        """Store the position of a run that was cut off, or delete the cursor after a complete run.

        A failure does not fail the run, because its messages are sent.
        """
        try:
            if not run.summary.complete:
                self.telemetry.notice("dispatch_cut_off", shard=run.cursor.shard, messages=run.summary.messages)
                self.cursor.save(run.cursor, version)
            elif version is not None:
                self.cursor.clear(version)
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_cursor_write_failed", causes=getattr(failure, "__notes__", []))

    def _report(self, run: _Run) -> DispatchSummary:
        summary = run.summary
        self.telemetry.count("DispatcherRuns")
        self.telemetry.count("DueItems", summary.items)
        self.telemetry.count("DispatchesSent", summary.messages)
        self.telemetry.count("OldestDueLag", run.now - run.oldest, "Seconds")
        if not summary.complete:
            self.telemetry.count("DispatcherRunsCutOff")
        if summary.refused:
            self.telemetry.count("DispatchesRefused", summary.refused)
        if run.unread_shards:
            raise StorageUnavailable("Some shards of the index could not be read. The next run reads them again.")
        if summary.refused and not summary.messages:
            # The run must show as failed.
            raise StorageUnavailable("No queue accepted the pending work. The next run sends it again.")
        return summary


def _messages(page: DuePage) -> dict[int, WorkMessage]:
    """Return one message for each merchant and provider, by the number of its first entry on the page."""
    items: dict[tuple[str, str, str], list[DueItem]] = {}
    first: dict[tuple[str, str, str], int] = {}
    for number, item in enumerate(page.items):
        receiver = item.worker, item.provider, item.merchant
        first.setdefault(receiver, number)
        included = items.setdefault(receiver, [])
        if len(included) < (EVENTS_PER_MESSAGE if item.outbox else ITEMS_PER_MESSAGE):
            included.append(item)
    return {first[receiver]: WorkMessage(tuple(included)) for receiver, included in items.items()}
