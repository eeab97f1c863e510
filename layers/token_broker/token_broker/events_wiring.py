"""Where the parts of the delivery of events are put together."""

import random
from dataclasses import dataclass
from functools import cached_property, partial

from token_broker import settings
from token_broker.aws.events import EventBridgeBus
from token_broker.aws.outbox import DynamoOutbox
from token_broker.aws.session import client
from token_broker.aws.table import Table
from token_broker.clock import Deadline, SystemClock
from token_broker.grant import Grant
from token_broker.publishing import Publisher
from token_broker.telemetry import PowertoolsTelemetry


@dataclass
class EventsAssembly:
    """Each part is made at its first use and kept for the life of the process."""

    name: str = "events"

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Logs and metrics."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def _clock(self) -> SystemClock:
        return SystemClock()

    @cached_property
    def _outbox(self) -> DynamoOutbox:
        return DynamoOutbox(Table(partial(client, "dynamodb"), settings.settings().table))

    @cached_property
    def _bus(self) -> EventBridgeBus:
        return EventBridgeBus(partial(client, "events"), settings.event_bus())

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> Publisher:  # noqa: ARG002
        """One delivery. No route leads here, so there is no storefront to bound."""
        return Publisher(self._outbox, self._bus, self._clock, self.telemetry, random.random, deadline)


EVENTS = EventsAssembly()
