"""Deliver events to the bus."""

from token_broker import entry, events_wiring
from token_broker.inputs import PublishEvents
from token_broker.publishing import Published, Publisher


@entry.handler(events_wiring.EVENTS, accepts=PublishEvents, queue=True, stream=True)
def handler(request: PublishEvents, publisher: Publisher) -> Published:
    """Batches of the table's stream, and messages of the outbox's queue about what the stream has left."""
    return publisher.publish(request.events)
