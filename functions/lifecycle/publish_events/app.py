"""Deliver events to the bus."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import PublishEvents
from token_broker.lifecycle.publisher import Publisher
from token_broker.wiring import publisher


@entrypoint(publisher(), "lifecycle/publish_events", accepts=PublishEvents, events=("direct", "stream", "queue"))
def handler(request: PublishEvents, publisher: Publisher) -> Reply:
    """Handle batches of the table's stream and messages of the outbox queue: deliver their events."""
    summary = publisher.publish(request.events)
    return Reply(summary, 200, failed=summary.failed)
