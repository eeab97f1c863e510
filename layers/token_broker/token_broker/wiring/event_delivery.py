"""Put the parts of the publisher together."""

import random
from dataclasses import dataclass
from functools import cached_property

from token_broker import settings
from token_broker.aws.event_bus import EventBridgeBus
from token_broker.aws.store.outbox import DynamoOutbox
from token_broker.clock import Deadline
from token_broker.domain.grant import Grant
from token_broker.lifecycle.publisher import Publisher
from token_broker.wiring.container import Container


@dataclass
class EventDeliveryContainer(Container):
    """Make the publisher's parts."""

    name: str = "events"

    @cached_property
    def _outbox(self) -> DynamoOutbox:
        return DynamoOutbox(self.table)

    @cached_property
    def _bus(self) -> EventBridgeBus:
        return EventBridgeBus(self.aws("events"), settings.event_bus())

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> Publisher:  # noqa: ARG002
        """Return the publisher for one call. No route leads here, so the grant is not used."""
        return Publisher(self._outbox, self._bus, self.clock, self.telemetry, random.random, deadline)


EVENTS = EventDeliveryContainer()
