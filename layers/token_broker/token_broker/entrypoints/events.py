"""Name the kinds of events, and recognize an event's kind."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from token_broker.entrypoints.adapter import Invocation

#: A kind of event, as the log shows it. `api` is API Gateway with IAM, and `stream` is the table's stream.
type EventKind = Literal["api", "storefront", "client", "direct", "queue", "stream"]

#: The module and the class that adapt events of a kind.
_ADAPTERS: dict[EventKind, tuple[str, str]] = {
    "api": ("api_gateway", "ApiGatewayAdapter"),
    "storefront": ("storefront", "StorefrontAdapter"),
    "client": ("client", "ClientAdapter"),
    "direct": ("direct", "DirectAdapter"),
    "stream": ("dynamodb_stream", "StreamAdapter"),
}
_BATCH_SOURCES: dict[EventKind, str] = {"queue": "aws:sqs", "stream": "aws:dynamodb"}


def kind_of(event: Any, accepted: Collection[EventKind]) -> EventKind:
    """Return the event's kind. A batch is a direct invocation unless its kind is in `accepted`.

    Senders to a queue are trusted, so nobody who may only invoke the function can take their place.
    """
    if isinstance(event, dict) and "httpMethod" in event and isinstance(event.get("requestContext"), dict):
        # The route decides, not the path: only the gateway names the route.
        route = str(event.get("resource"))
        if route.startswith("/clients/"):
            return "client"
        return "storefront" if route.startswith("/storefront/") else "api"
    for kind, source in _BATCH_SOURCES.items():
        if kind in accepted and is_batch(event, source):
            return kind
    return "direct"


def is_batch(event: Any, source: str) -> bool:
    """Return whether the event holds records of this event source and nothing else."""
    records = event.get("Records") if isinstance(event, dict) and len(event) == 1 else None
    if not isinstance(records, list):
        return False
    return all(isinstance(each, dict) and each.get("eventSource") == source for each in records)


def invocation_of(kind: EventKind, event: Any, request_id: str) -> Invocation:
    """Return the event's adapter, unless it is a batch of messages."""
    if kind == "direct":
        return _adapter(kind)(event, request_id)
    return _adapter(kind)(event["Records"], request_id) if kind == "stream" else _adapter(kind)(event)


def load_adapters(kinds: Iterable[EventKind]) -> None:
    """Import the adapters of these kinds. A function imports those that it accepts, and no others."""
    for kind in kinds:
        if kind != "queue":  # `sqs` makes the invocations of a batch
            _adapter(kind)


@cache
def _adapter(kind: EventKind) -> Callable[..., Invocation]:
    module, name = _ADAPTERS[kind]
    adapter: Callable[..., Invocation] = getattr(import_module(f"token_broker.entrypoints.{module}"), name)
    return adapter
