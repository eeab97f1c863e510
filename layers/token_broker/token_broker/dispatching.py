"""The clock's run: it does no merchant's work, it hands out what is due, one message a merchant.

The table is the truth, and the queue only what was made of it: a run that is cut off, or a message that is lost, is
made up for by the next run.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import batched
from typing import Any

from token_broker.clock import Clock, Deadline
from token_broker.due import DueIndex, DueItem, Work, WorkQueues
from token_broker.errors import StorageUnavailable
from token_broker.ports import Telemetry

#: What one message names at most; the rest of the merchant's items comes with the next run.
ITEMS_A_MESSAGE = 25
#: Seconds that must be left for one more page, so that what was seen can still be sent; and for one more batch.
LOOKING, SENDING = 8.0, 3.0


@dataclass(slots=True)
class Dispatched:
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


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One run's surroundings."""

    index: DueIndex
    queues: WorkQueues
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline

    def run(self) -> Dispatched:
        """Look at every part of the index and send what is due.

        Raises `StorageUnavailable` where the table fails, or the queues take nothing.
        """
        now, done = int(self.clock.now()), Dispatched()
        oldest, unread = now, 0
        # A run that is always cut off must not always leave the same merchants out.
        first = int(self.jitter() * self.index.shards)
        for number in range(self.index.shards):
            try:
                due = self._due((first + number) % self.index.shards, now, done)
            except StorageUnavailable as failure:
                unread += 1  # the other parts may well be readable
                self.telemetry.notice("dispatch_part_unread", causes=getattr(failure, "__notes__", []))
                continue
            oldest = min(oldest, min((item.due_at for items in due.values() for item in items), default=now))
            self._send(due, done)
            if not done.complete:
                self.telemetry.notice("dispatch_cut_off", parts_seen=number + 1, messages=done.messages)
                break
        self.telemetry.count("DispatcherRuns")
        self.telemetry.count("DueItems", done.items)
        self.telemetry.count("OldestDueLag", now - oldest, "Seconds")
        if unread:
            raise StorageUnavailable("A part of what is due could not be read. The next run looks again.")
        if done.refused:
            self.telemetry.count("DispatchesRefused", done.refused)
            if not done.messages:
                # So that it shows as a failed run.
                raise StorageUnavailable("No queue took the work that is due. The next run sends again.")
        return done

    def _due(self, shard: int, now: int, done: Dispatched) -> dict[tuple[str, str, str], list[DueItem]]:
        """What is due in one part, by worker, provider and merchant."""
        due: dict[tuple[str, str, str], list[DueItem]] = {}
        pages = self.index.pages(shard, now)
        while self.deadline.left() > LOOKING:
            page = next(pages, None)
            if page is None:
                return due
            for item in page:
                done.items += 1
                items = due.setdefault((item.worker, item.provider, item.merchant), [])
                if len(items) < ITEMS_A_MESSAGE:
                    items.append(item)
        done.complete = False
        return due

    def _send(self, due: dict[tuple[str, str, str], list[DueItem]], done: Dispatched) -> None:
        for worker in {worker for worker, _, _ in due}:
            work = [Work(tuple(items)) for (whose, _, _), items in due.items() if whose == worker]
            if not self.queues.has(worker):
                # Nobody will ever come back to these: an operator must know.
                self.telemetry.notice("due_without_worker", provider_of_items=worker, merchants=len(work))
                continue
            self._send_all(worker, work, done)

    def _send_all(self, worker: str, work: Iterable[Work], done: Dispatched) -> None:
        for batch in batched(work, self.queues.batch_size, strict=False):
            if self.deadline.left() <= SENDING:
                done.complete = False
                return
            try:
                taken = self.queues.send(worker, batch)
            except StorageUnavailable as failure:
                self.telemetry.notice("dispatch_failed", code=failure.code, causes=getattr(failure, "__notes__", []))
                taken = 0
            done.messages += taken
            done.refused += len(batch) - taken
