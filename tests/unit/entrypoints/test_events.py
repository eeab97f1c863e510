"""Which kind an event is, and which functions accept it."""

from typing import Any

import pytest

from tests.fakes.events import api_event, message, queue_event, storefront_event
from token_broker.entrypoints.adapter import Invocation
from token_broker.entrypoints.api_gateway import ApiGatewayAdapter
from token_broker.entrypoints.client import ClientAdapter
from token_broker.entrypoints.direct import DirectAdapter
from token_broker.entrypoints.dynamodb_stream import StreamAdapter
from token_broker.entrypoints.events import EventKind, invocation_of, kind_of
from token_broker.entrypoints.storefront import StorefrontAdapter

EVERY_KIND: tuple[EventKind, ...] = ("api", "storefront", "client", "direct", "queue", "stream")
SIGNED = "/merchants/{merchant}/shopify/storefront-access-token"
STREAM = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}}]}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (api_event(resource=SIGNED), "api"),
        (storefront_event(), "storefront"),
        (storefront_event(route="clients"), "client"),
        ({"merchant": "acme"}, "direct"),
        (queue_event({}), "queue"),
        ({"Records": []}, "queue"),
        (STREAM, "stream"),
    ],
)
def test_each_event_is_recognized(event: Any, kind: EventKind) -> None:
    assert kind_of(event, EVERY_KIND) == kind


@pytest.mark.parametrize(
    "resource", [SIGNED, "/storefronts/{merchant}", "/storefront", "/client/{merchant}", "/clients", "", None, 7]
)
def test_the_route_decides_and_not_the_path_that_was_sent(resource: Any) -> None:
    """Only the gateway names the route; the path is the caller's text."""
    event = {**api_event(resource=resource), "path": "/storefront/acme/shopify/storefront-access-token"}

    assert kind_of(event, EVERY_KIND) == "api"


def test_a_signed_route_stays_one_whatever_its_event_tells_of_an_authorizer() -> None:
    event = api_event(resource=SIGNED)
    event["requestContext"]["authorizer"] = {"merchant": "acme"}

    assert kind_of(event, EVERY_KIND) == "api"


@pytest.mark.parametrize(
    "event",
    [
        [],
        None,
        {},
        {"httpMethod": "GET"},
        {"requestContext": {}},
        {"resource": "/storefront/{merchant}/shopify/storefront-access-token", "merchant": "acme"},
        *({"Records": records} for records in (None, {"eventSource": "aws:sqs"}, ["aws:sqs"], [{"body": "{}"}])),
        {"Records": [{"eventSource": "aws:sns"}]},
        {"Records": [message("m-1", {}), {"eventSource": "aws:dynamodb"}]},
        {**queue_event({}), "merchant": "acme"},
        {**STREAM, "merchant": "acme"},
    ],
)
def test_anything_else_is_a_direct_invocation(event: Any) -> None:
    assert kind_of(event, EVERY_KIND) == "direct"


@pytest.mark.parametrize("event", [{"Records": []}, queue_event({}), STREAM])
def test_a_batch_is_a_direct_invocation_of_a_function_that_accepts_none(event: Any) -> None:
    """Whoever may invoke it must not get what the senders to a queue are trusted with."""
    assert kind_of(event, ("api", "storefront", "direct")) == "direct"


@pytest.mark.parametrize(
    ("kind", "event", "adapter"),
    [
        ("api", api_event(), ApiGatewayAdapter),
        ("storefront", storefront_event(), StorefrontAdapter),
        ("client", storefront_event(route="clients"), ClientAdapter),
        ("direct", {}, DirectAdapter),
        ("stream", STREAM, StreamAdapter),
    ],
)
def test_each_kind_has_its_adapter(kind: EventKind, event: Any, adapter: type[Invocation]) -> None:
    assert type(invocation_of(kind, event, "request-1")) is adapter
