"""Deliver events from the outbox to the event bus, at least once.

An event is deleted only after the bus has accepted it. A run that dies in between leaves the event for another
delivery.

A call sends an event once, apart from the SDK's own tries. A rejected event stays in the outbox. The stream redelivers
it a few times. The dispatcher sends it again after five minutes, and from then on it is rescheduled with a capped
back-off. An event is never dropped.
"""

from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any, NamedTuple

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


class PublishSummary(NamedTuple):
    """Report what became of the events.

    `gone` counts the events that were already delivered. `failed` names the events that stay unchanged.
    """

    published: int
    gone: int
    rescheduled: int
    failed: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the response of a direct invocation."""
        return {"published": self.published, "gone": self.gone, "putOff": self.rescheduled, "failed": self.failed}


class Publisher:
    """Deliver events within one call."""

    def __init__(  # noqa: PLR0917  # one argument for each port
        self,
        outbox: Outbox,
        bus: EventBus,
        clock: Clock,
        telemetry: Telemetry,
        jitter: Callable[[], float],
        deadline: Deadline,
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._telemetry = telemetry
        self._jitter = jitter
        self._deadline = deadline
        self._published = self._gone = self._rescheduled = 0
        self._failed: list[str] = []

    def publish(self, names: Sequence[str]) -> PublishSummary:
        """Deliver the events with these names that the outbox still has, while time remains.

        Raises `StorageUnavailable` if the outbox fails. Events that were sent before the failure may be sent again.
        """
        for batch in batched(names, READ_BATCH_SIZE, strict=False):
            if self._deadline.left() < MIN_SECONDS_LEFT:
                self._failed += batch
            else:
                self._publish(batch)
        if self._published:
            self._telemetry.count("EventsPublished", self._published)
        return PublishSummary(self._published, self._gone, self._rescheduled, self._failed)

    def _publish(self, names: Sequence[str]) -> None:
        found = [self._outbox.read(name) for name in names]
        stored = [entry for entry in found if entry is not None]
        self._gone += len(found) - len(stored)
        undelivered = [(entry, "unreadable") for entry in stored if entry.event is None]
        undelivered += self._deliver([entry for entry in stored if entry.event is not None])
        if undelivered:
            self._keep(undelivered)

    def _deliver(self, entries: list[UndeliveredEvent]) -> list[tuple[UndeliveredEvent, str]]:
        """Send each event once, delete the accepted ones, and return the rejected ones with the reason for each."""
        rejected: list[tuple[UndeliveredEvent, str]] = []
        while entries:
            events = [entry.event for entry in entries if entry.event is not None]
            room = self._bus.room(events)
            for entry, code in zip(entries[:room], self._send(events[:room]), strict=True):
                if code is None:
                    self._outbox.delete(entry)
                    self._published += 1
                else:
                    rejected.append((entry, code))
            entries = entries[room:]
        return rejected

    def _send(self, events: Sequence[Event]) -> list[str | None]:
        """Return None for each accepted event and the reason for each rejected one."""
        try:
            return self._bus.put(events)
        except StorageUnavailable as failure:
            self._telemetry.notice("bus_unavailable", causes=failure.causes)
            count_forbidden(self._telemetry, failure)
            return [failure.code] * len(events)

    def _keep(self, undelivered: Sequence[tuple[UndeliveredEvent, str]]) -> None:
        """Reschedule the events that are due, and leave the others to the stream and the dispatcher."""
        now = int(self._clock.now())
        for entry, code in undelivered:
            seconds = 0
            if entry.due_at > now:
                self._failed.append(entry.name)
            else:
                seconds = MAX_PAUSE if entry.event is None else pause(entry.tries, self._jitter())
                self._outbox.reschedule(entry, now + seconds)
                self._rescheduled += 1
            age, tries = now - entry.since, entry.tries
            self._telemetry.notice(
                "event_not_delivered", item=entry.name, code=code, age=age, tries=tries, seconds=seconds
            )
        self._telemetry.count("EventsUndelivered", len(undelivered))
        self._telemetry.count("OldestEventAge", max(now - entry.since for entry, _ in undelivered), "Seconds")
