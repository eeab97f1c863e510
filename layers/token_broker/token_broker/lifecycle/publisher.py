"""Deliver events from the outbox to the event bus, at least once.

An event is deleted only after the bus has accepted it. A run that dies in between leaves the event for another
delivery.

A call sends an event once, apart from the SDK's own tries. A rejected event stays in the outbox. The stream redelivers
it a few times. The dispatcher sends it again after five minutes, and from then on it is rescheduled with a capped
back-off. An event is never dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

from token_broker.clock import Clock, Deadline
from token_broker.domain.delays import MAX_PAUSE, pause
from token_broker.domain.events import Event
from token_broker.errors import StorageUnavailable
from token_broker.ports.outbox import EventBus, Outbox, UndeliveredEvent
from token_broker.ports.telemetry import Telemetry, count_forbidden

#: Events that are read before any of them is sent.
READ_BATCH_SIZE = 10
#: Seconds that must be left to start with more events, because AWS may be slow.
MIN_SECONDS_LEFT = 8.0


@dataclass(slots=True)
class PublishSummary:
    """Report what became of the events.

    `gone` counts the events that were already delivered. `failed` names the events that stay unchanged.
    """

    published: int = 0
    gone: int = 0
    rescheduled: int = 0
    failed: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the response of a direct invocation."""
        return {"published": self.published, "gone": self.gone, "putOff": self.rescheduled, "failed": self.failed}


@dataclass(slots=True)
class Publisher:
    """Deliver events within one call."""

    outbox: Outbox
    bus: EventBus
    clock: Clock
    telemetry: Telemetry
    jitter: Callable[[], float]
    deadline: Deadline
    summary: PublishSummary = field(default_factory=PublishSummary, init=False)

    def publish(self, names: Sequence[str]) -> PublishSummary:
        """Deliver the events with these names that the outbox still has, while time remains.

        Raises `StorageUnavailable` if the outbox fails. Events that were sent before the failure may be sent again.
        """
        for batch in batched(names, READ_BATCH_SIZE, strict=False):
            if self.deadline.left() < MIN_SECONDS_LEFT:
                self.summary.failed += batch
            else:
                self._publish(batch)
        if self.summary.published:
            self.telemetry.count("EventsPublished", self.summary.published)
        return self.summary

    def _publish(self, names: Sequence[str]) -> None:
        found = [self.outbox.read(name) for name in names]
        stored = [entry for entry in found if entry is not None]
        self.summary.gone += len(found) - len(stored)
        undelivered = [(entry, "unreadable") for entry in stored if entry.event is None]
        undelivered += self._deliver([entry for entry in stored if entry.event is not None])
        if undelivered:
            self._keep(undelivered)

    def _deliver(self, entries: list[UndeliveredEvent]) -> list[tuple[UndeliveredEvent, str]]:
        """Send each event once, delete the accepted ones, and return the rejected ones with the reason for each."""
        rejected: list[tuple[UndeliveredEvent, str]] = []
        while entries:
            events = [entry.event for entry in entries if entry.event is not None]
            room = self.bus.room(events)
            for entry, code in zip(entries[:room], self._send(events[:room]), strict=True):
                if code is None:
                    self.outbox.delete(entry)
                    self.summary.published += 1
                else:
                    rejected.append((entry, code))
            entries = entries[room:]
        return rejected

    def _send(self, events: Sequence[Event]) -> list[str | None]:
        """Return None for each accepted event and the reason for each rejected one."""
        try:
            return self.bus.put(events)
        except StorageUnavailable as failure:
            self.telemetry.notice("bus_unavailable", causes=failure.causes)
            count_forbidden(self.telemetry, failure)
            return [failure.code] * len(events)

    def _keep(self, undelivered: Sequence[tuple[UndeliveredEvent, str]]) -> None:
        """Reschedule the events that are due, and leave the others to the stream and the dispatcher."""
        now = int(self.clock.now())
        for entry, code in undelivered:
            seconds = 0
            if entry.due_at > now:
                self.summary.failed.append(entry.name)
            else:
                seconds = MAX_PAUSE if entry.event is None else pause(entry.tries, self.jitter())
                self.outbox.reschedule(entry, now + seconds)
                self.summary.rescheduled += 1
            age, tries = now - entry.since, entry.tries
            self.telemetry.notice(
                "event_not_delivered", item=entry.name, code=code, age=age, tries=tries, seconds=seconds
            )
        self.telemetry.count("EventsUndelivered", len(undelivered))
        self.telemetry.count("OldestEventAge", max(now - entry.since for entry, _ in undelivered), "Seconds")
