"""Deliver events to the bus."""

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import PublishEvents
from token_broker.lifecycle.publisher import Publisher, PublishSummary
from token_broker.wiring.event_delivery import EVENTS


@entrypoint(EVENTS, "lifecycle/publish_events", accepts=PublishEvents, queue=True, stream=True)
def handler(request: PublishEvents, publisher: Publisher) -> PublishSummary:
    """Handle batches of the table's stream and messages of the outbox queue: deliver their events."""
    return publisher.publish(request.events)
