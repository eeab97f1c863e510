"""Name the kinds of events, and recognize an event's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from collections.abc import Collection

    from token_broker.entrypoints.adapter import EventAdapter
    from token_broker.ports.telemetry import Telemetry

#: A kind of event. The log shows its value.
EventKind = NewType("EventKind", str)

API_GATEWAY = EventKind("api")
STOREFRONT = EventKind("storefront")
DIRECT = EventKind("direct")
SQS = EventKind("queue")
DYNAMODB_STREAM = EventKind("stream")

_BATCH_SOURCES = {SQS: "aws:sqs", DYNAMODB_STREAM: "aws:dynamodb"}


def kind_of(event: Any, accepted: Collection[EventKind]) -> EventKind:
    """Return the event's kind. A batch is a direct invocation unless its kind is in `accepted`.

    Senders to a queue are trusted, so nobody who may only invoke the function can take their place.
    """
    if isinstance(event, dict) and "httpMethod" in event and isinstance(event.get("requestContext"), dict):
        # The route decides, not the path: only the gateway names the route.
        route = event.get("resource")
        return STOREFRONT if isinstance(route, str) and route.startswith("/storefront/") else API_GATEWAY
    for kind, source in _BATCH_SOURCES.items():
        if kind in accepted and is_batch(event, source):
            return kind
    return DIRECT


def is_batch(event: Any, source: str) -> bool:
    """Return whether the event holds records of this event source and nothing else."""
    records = event.get("Records") if isinstance(event, dict) and len(event) == 1 else None
    if not isinstance(records, list):
        return False
    return all(isinstance(each, dict) and each.get("eventSource") == source for each in records)


def adapter_for(kind: EventKind, event: Any, context: Any, telemetry: Telemetry) -> EventAdapter:
    """Return the event's adapter. Each one is imported when its kind first occurs, since a function meets few kinds."""
    if kind == STOREFRONT:
        from token_broker.entrypoints.storefront import StorefrontAdapter

        return StorefrontAdapter(event)
    if kind == API_GATEWAY:
        from token_broker.entrypoints.api_gateway import ApiGatewayAdapter

        return ApiGatewayAdapter(event)
    if kind == SQS:
        from token_broker.entrypoints.sqs import SqsAdapter

        return SqsAdapter(event["Records"], context, telemetry)
    request_id = getattr(context, "aws_request_id", "")
    if kind == DYNAMODB_STREAM:
        from token_broker.entrypoints.dynamodb_stream import StreamAdapter

        return StreamAdapter(event["Records"], request_id)
    from token_broker.entrypoints.direct import DirectAdapter

    return DirectAdapter(event, request_id)
