"""The clock's run: it does no merchant's work, it hands out what is due, one message a merchant.

The table is the truth, and the queue only what was made of it: a message that is lost is made up for by a later run.
A run goes through the whole index, page by page. One that is cut off notes where it was; the next begins there, and
comes to the beginning last.
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

#: What one message names at most; the rest of the merchant's items comes with a later page or run.
ITEMS_A_MESSAGE = 25
#: The same of events that were not delivered: there is one for each session, and they cost no provider's time.
EVENTS_A_MESSAGE = 200
#: Seconds that one call to AWS takes at worst, with all its tries (`aws/session.py`).
MAX_CALL_SECONDS = 12.0
#: Seconds that must be left to begin one more call: for it at its worst, and for noting the place as usual. A run that
#: is ended in the middle of its note only repeats.
MIN_SECONDS_LEFT = MAX_CALL_SECONDS + 2


@dataclass(slots=True)
class DispatchSummary:
    """What one run did. `complete` is False where it was cut off before it had seen all."""

    items: int = 0
    messages: int = 0
    refused: int = 0
    complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """The answer to a direct invocation."""
        return {
            "items": self.items,
            "messages": self.messages,
            "refused": self.refused,
            "complete": self.complete,
        }


@dataclass(slots=True)
class _Run:
    """How far one run is."""

    now: int
    cursor: IndexCursor
    oldest: int
    unread: int = 0
    done: DispatchSummary = field(default_factory=DispatchSummary)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One run's surroundings."""

    index: DueIndex
    queues: WorkQueues
    cursor: DispatchCursor
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline

    def run(self) -> DispatchSummary:
        """Look at every part of the index and send what is due.

        Raises `StorageUnavailable` where the table fails, or the queues take nothing.
        """
        now = int(self.clock.now())
        begin, version = self._begin(now)
        run = _Run(now, begin, oldest=now)
        for shard, until, after in self._parts(begin, now):
            run.cursor = IndexCursor(shard, after, begin.due_at if after else 0)
            self._part(run, shard, until, after)
            if not run.done.complete:
                break
        self._end(run, version)
        return self._report(run)

    def _begin(self, now: int) -> tuple[IndexCursor, str | None]:
        """Where the last run was cut off, or anywhere: a run that dies without a note must not always leave the same
        merchants out.
        """
        anywhere = IndexCursor(int(self.jitter() * self.index.shards))
        try:
            cursor, version = self.cursor.read()
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_cursor_read_failed", causes=getattr(failure, "__notes__", []))
            return anywhere, None
        if cursor is None or not 0 <= cursor.shard < self.index.shards:
            return anywhere, version
        if cursor.after is not None and cursor.due_at > now:
            # The clock was put back: what is behind that place is not due yet, and what is before it may be.
            return IndexCursor(cursor.shard), version
        return cursor, version

    def _parts(self, begin: IndexCursor, now: int) -> Iterator[tuple[int, int, IndexKey | None]]:
        """Each part with until when and behind what it is looked at; at last the beginning of the first one."""
        yield begin.shard, now, begin.after
        for number in range(1, self.index.shards):
            yield (begin.shard + number) % self.index.shards, now, None
        if begin.after is not None:
            yield begin.shard, begin.due_at, None

    def _part(self, run: _Run, shard: int, until: int, after: IndexKey | None) -> None:
        pages = self.index.pages(shard, until, after)
        try:
            while self._enough_time(run):
                page = next(pages, None)
                if page is None:
                    return
                run.done.items += len(page.items)
                run.oldest = min(run.oldest, *(item.due_at for item in page.items[:1]), run.now)
                handed_out = self._send(run, page)
                if handed_out:
                    last = handed_out - 1
                    run.cursor = IndexCursor(shard, page.keys[last], page.items[last].due_at)
                if handed_out < len(page.items):
                    return
        except StorageUnavailable as failure:
            run.unread += 1  # the other parts may well be readable
            self.telemetry.notice("dispatch_shard_read_failed", causes=getattr(failure, "__notes__", []))

    def _enough_time(self, run: _Run) -> bool:
        run.done.complete = self.deadline.left() > MIN_SECONDS_LEFT
        return run.done.complete

    def _send(self, run: _Run, page: DuePage) -> int:
        """How many entries of the page need not be looked at again: all before the first that there was no time for.

        Those that no queue took are among them. They come again with the next round: waiting for them here would let
        one that no queue ever takes hold up all behind it.
        """
        waiting = _first_entries(page)
        for worker in dict.fromkeys(work.worker for work in waiting.values()):
            own = [(first, work) for first, work in waiting.items() if work.worker == worker]
            if not self.queues.has(worker):
                # Nobody will ever come back to these: an operator must know.
                self.telemetry.notice("no_queue_for_provider", provider_of_items=worker, merchants=len(own))
                waiting = {first: work for first, work in waiting.items() if work.worker != worker}
                continue
            for batch in batched(own, self.queues.batch_size, strict=False):
                if not self._enough_time(run):
                    return min(waiting)
                self._send_batch(worker, [work for _, work in batch], run.done)
                for first, _ in batch:
                    del waiting[first]
        return len(page.items)

    def _send_batch(self, worker: str, batch: list[WorkMessage], done: DispatchSummary) -> None:
        try:
            taken = self.queues.send(worker, batch)
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_failed", code=failure.code, causes=getattr(failure, "__notes__", []))
            taken = 0
        done.messages += taken
        done.refused += len(batch) - taken

    def _end(self, run: _Run, version: str | None) -> None:
        """Note the place, or that there is none. A run that cannot has sent its messages all the same."""
        try:
            if not run.done.complete:
                self.telemetry.notice("dispatch_cut_off", shard=run.cursor.shard, messages=run.done.messages)
                self.cursor.save(run.cursor, version)
            elif version is not None:
                self.cursor.clear(version)
        except StorageUnavailable as failure:
            self.telemetry.notice("dispatch_cursor_write_failed", causes=getattr(failure, "__notes__", []))

    def _report(self, run: _Run) -> DispatchSummary:
        done = run.done
        self.telemetry.count("DispatcherRuns")
        self.telemetry.count("DueItems", done.items)
        self.telemetry.count("DispatchesSent", done.messages)
        self.telemetry.count("OldestDueLag", run.now - run.oldest, "Seconds")
        if not done.complete:
            self.telemetry.count("DispatcherRunsCutOff")
        if done.refused:
            self.telemetry.count("DispatchesRefused", done.refused)
        if run.unread:
            raise StorageUnavailable("A part of what is due could not be read. The next run looks again.")
        if done.refused and not done.messages:
            # So that it shows as a failed run.
            raise StorageUnavailable("No queue took the work that is due. The next run sends again.")
        return done


def _first_entries(page: DuePage) -> dict[int, WorkMessage]:
    """One message a merchant and provider, in the order of their first entries, which they are named by."""
    items: dict[tuple[str, str, str], list[DueItem]] = {}
    first: dict[tuple[str, str, str], int] = {}
    for number, item in enumerate(page.items):
        whose = item.worker, item.provider, item.merchant
        first.setdefault(whose, number)
        named = items.setdefault(whose, [])
        if len(named) < (EVENTS_A_MESSAGE if item.outbox else ITEMS_A_MESSAGE):
            named.append(item)
    return {first[whose]: WorkMessage(tuple(named)) for whose, named in items.items()}
