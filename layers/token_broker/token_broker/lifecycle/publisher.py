"""Delivering events, at least once: an event is deleted only after the bus has taken it, so whoever dies in between
leaves it to be delivered again.

What the bus refuses stays where it is. The stream hands it out again a few times; after five minutes the clock does,
and from then on it is put off with a capped back-off, and never given up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from token_broker.clock import Clock, Deadline
from token_broker.domain.delays import MAX_PAUSE, pause
from token_broker.errors import StorageUnavailable
from token_broker.ports.outbox import EventBus, Outbox, UndeliveredEvent
from token_broker.ports.telemetry import Telemetry

#: Events that are read before any of them is sent.
AT_ONCE = 10
#: How often the bus is asked to take an event, and the longest wait in seconds before the second time; then doubled.
TRIES, PAUSE = 3, 0.4
#: Seconds that must be left to begin with more events: AWS may be slow.
MIN_SECONDS_LEFT = 8.0


@dataclass(slots=True)
class PublishSummary:
    """What became of the events. `gone` had been delivered before; `failed` are as they were."""

    published: int = 0
    gone: int = 0
    rescheduled: int = 0
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The answer to a direct invocation."""
        return {"published": self.published, "gone": self.gone, "putOff": self.rescheduled, "failed": self.failed}


@dataclass(frozen=True, slots=True)
class Publisher:
    """One delivery's surroundings."""

    outbox: Outbox
    bus: EventBus
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline

    def publish(self, names: Sequence[str]) -> PublishSummary:
        """Deliver what is still there of these, as far as the time goes. Raises `StorageUnavailable` where the outbox
        fails: what was sent by then is sent again.
        """
        done = PublishSummary()
        for chunk in batched(names, AT_ONCE, strict=False):
            if self.deadline.left() < MIN_SECONDS_LEFT:
                done.failed += chunk
                continue
            self._publish(chunk, done)
        if done.published:
            self.telemetry.count("EventsPublished", done.published)
        return done

    def _publish(self, names: Sequence[str], done: PublishSummary) -> None:
        found = [self.outbox.read(name) for name in names]
        there = [entry for entry in found if entry is not None]
        done.gone += len(found) - len(there)
        undelivered = [(entry, "unreadable") for entry in there if entry.event is None]
        undelivered += self._deliver([entry for entry in there if entry.event is not None], done)
        if undelivered:
            self._keep(undelivered, done)

    def _deliver(self, entries: list[UndeliveredEvent], done: PublishSummary) -> list[tuple[UndeliveredEvent, str]]:
        """Those that were not taken, with the reason."""
        refused: list[tuple[UndeliveredEvent, str]] = []
        for attempt in range(TRIES):
            if attempt:
                self.clock.sleep(self.jitter() * PAUSE * 2 ** (attempt - 1))
            refused = self._send(entries, done)
            entries = [entry for entry, _ in refused]
            # A bus that does not answer has been asked several times by the adapter.
            silent = any(code == StorageUnavailable.code for _, code in refused)
            if not entries or silent or self.deadline.left() < MIN_SECONDS_LEFT:
                break
        return refused

    def _send(self, entries: list[UndeliveredEvent], done: PublishSummary) -> list[tuple[UndeliveredEvent, str]]:
        """Once to the bus with each, and out of the outbox with what it took."""
        refused: list[tuple[UndeliveredEvent, str]] = []
        while entries:
            events = [entry.event for entry in entries if entry.event is not None]
            room = self.bus.room(events)
            try:
                codes = self.bus.put(events[:room])
            except StorageUnavailable as failure:
                self.telemetry.notice("bus_unavailable", causes=getattr(failure, "__notes__", []))
                codes = [failure.code] * room
            for entry, code in zip(entries[:room], codes, strict=True):
                if code is None:
                    self.outbox.delete(entry)
                    done.published += 1
                else:
                    refused.append((entry, code))
            entries = entries[room:]
        return refused

    def _keep(self, undelivered: Sequence[tuple[UndeliveredEvent, str]], done: PublishSummary) -> None:
        """Leave to the stream and the clock what is not due yet; have what is due come back later."""
        now = int(self.clock.now())
        for entry, code in undelivered:
            seconds = 0
            if entry.due_at > now:
                done.failed.append(entry.name)
            else:
                seconds = MAX_PAUSE if entry.event is None else pause(entry.tries, self.jitter())
                self.outbox.reschedule(entry, now + seconds)
                done.rescheduled += 1
            self.telemetry.notice(
                "event_not_delivered",
                item=entry.name,
                code=code,
                age=now - entry.since,
                tries=entry.tries,
                seconds=seconds,
            )
        self.telemetry.count("EventsUndelivered", len(undelivered))
        self.telemetry.count("OldestEventAge", max(now - entry.since for entry, _ in undelivered), "Seconds")
