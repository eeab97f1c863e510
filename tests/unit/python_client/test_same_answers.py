"""The client's broker in memory answers with the same members, revisions and errors as the functions."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.documents import MemoryPolicies
from tests.fakes.events import Context
from tests.fakes.surroundings import listing_stack, one_token_stack, session_stack
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import parse, policy, shop
from tests.unit.loading import load
from token_broker.errors import BrokerError
from token_broker.providers.chicksx import client as chicksx
from token_broker.providers.fourthwall import client as fourthwall
from token_broker.providers.shopify import client as shopify
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker_client import TokenBroker
from token_broker_client.deadline import Deadline
from token_broker_client.errors import TokenBrokerError, from_problem
from token_broker_client.operations import Operation
from token_broker_client.testing import FakeTransport
from token_broker_client.transport import Answer

CREATE = "shopify/create_storefront_access_token"
PREVIEW = {"origin": "https://pr-7.preview.example", "expiresIn": 3600}
KEY = {"idempotencyKey": "k-1"}

#: Each call in turn. A field that is a function gets the answer's bodies so far.
SCENARIO: list[tuple[str, Mapping[str, Any]]] = [
    ("shopify/storefront_access_token", {}),
    (CREATE, {"title": "Blog", **KEY}),
    (CREATE, {"title": "Blog", **KEY}),
    (CREATE, {"title": "Shop", **KEY}),
    ("shopify/list_storefront_access_tokens", {}),
    ("shopify/get_storefront_access_token", {"tokenId": lambda bodies: bodies[1]["tokenId"]}),
    ("shopify/get_storefront_access_token", {"tokenId": "7"}),
    ("shopify/delete_storefront_access_token", {"tokenId": lambda bodies: bodies[1]["tokenId"]}),
    ("shopify/delete_storefront_access_token", {"tokenId": lambda bodies: bodies[1]["tokenId"]}),
    ("shopify/delete_storefront_access_token", {"tokenId": "7"}),
    ("shopify/get_storefront_access_token", {"tokenId": lambda bodies: bodies[1]["tokenId"]}),
    (CREATE, {"title": "Blog", **KEY}),
    ("shopify/rotate", {}),
    ("shopify/rotate", {}),
    ("shopify/rotate", {"compromised": True}),
    ("shopify/rotate", {}),
    ("shopify/get_rotation_settings", {}),
    ("shopify/put_rotation_settings", {"maxAgeDays": 90, "ifNoneMatch": "*"}),
    ("shopify/put_rotation_settings", {"maxAgeDays": 90, "ifNoneMatch": "*"}),
    ("shopify/put_rotation_settings", {"maxAgeDays": 30, "ifNoneMatch": "*"}),
    ("shopify/put_rotation_settings", {"maxAgeDays": 30, "ifMatch": '"1"'}),
    ("shopify/reconcile", {}),
    ("fourthwall/public_token", {}),
    ("fourthwall/rotate", {}),
    ("chicksx/public_token", {"sessionId": "s-1"}),
    ("chicksx/close_session", {"sessionId": "s-1"}),
    ("chicksx/close_session", {"sessionId": "s-1", "orderId": 7}),
    ("chicksx/close_session", {"sessionId": "s-1", "orderId": "8"}),
    ("chicksx/public_token", {"sessionId": "s-1"}),
    ("chicksx/rotate", {}),
    ("storefronts/get_trust_policy", {}),
    ("storefronts/allow_preview_origin", PREVIEW),
    ("storefronts/list_preview_origins", {}),
    ("storefronts/remove_preview_origin", {"origin": PREVIEW["origin"]}),
    ("storefronts/put_trust_policy", policy(shop=shop())),
    ("storefronts/put_trust_policy", policy()),
    ("storefronts/list_preview_origins", {}),
    ("storefronts/allow_preview_origin", PREVIEW),
    ("storefronts/allow_preview_origin", {**PREVIEW, "expiresIn": 7200}),
    ("storefronts/list_preview_origins", {}),
    ("storefronts/remove_preview_origin", {"origin": PREVIEW["origin"]}),
    ("storefronts/remove_preview_origin", {"origin": PREVIEW["origin"]}),
    ("storefronts/get_trust_policy", {}),
    ("storefronts/put_trust_policy", {**policy(origins=[]), "ifMatch": '"7"'}),
    ("storefronts/get_trust_policy", {}),
    ("storefronts/delete_trust_policy", {"ifMatch": '"2"'}),
    ("storefronts/delete_trust_policy", {}),
]


class Functions:
    """The functions, invoked directly in this process."""

    def send(self, operation: Operation, fields: Mapping[str, Any], deadline: Deadline) -> Answer:
        event = json.loads(json.dumps({name: value for name, value in fields.items() if value is not None}))
        try:
            body = json.loads(json.dumps(load(operation.name)(event, Context())))
        except BrokerError as error:
            raise from_problem(json.loads(error.args[0]), request_id=None, retry_after=None) from None
        revision = body.pop("revision", None)
        return Answer(body, revision=revision)

    def close(self) -> None: ...


@pytest.fixture
def functions(put_in: Callable[..., None]) -> Functions:
    fourthwall, chicksx, shopify = one_token_stack(), session_stack(), listing_stack()
    put_in("fourthwall", lambda request: fourthwall.call(request.caller, grant=request.grant))
    put_in("chicksx", lambda request: chicksx.call(request.caller, grant=request.grant))
    put_in("shopify", lambda request: shopify.listing_call(request.caller, grant=request.grant))
    policies = MemoryPolicies()
    telemetry = RecordingTelemetry()
    put_in("trust_policies", lambda request: TrustPolicies(policies, telemetry, parse, caller=request.caller))
    previews = PreviewOrigins(policies, MovableClock(), telemetry, caller="")
    put_in("preview_origins", lambda request: previews._replace(caller=request.caller))
    return Functions()


def _shape(value: Any) -> Any:
    """Return the value with the types of its members. What providers add, and whether there is an expiry, differs."""
    if isinstance(value, dict):
        differing = ("providerData", "use", "scope", "expiresAt", "counts", "tokens", "fingerprint", "history")
        return {name: name if name in differing else _shape(each) for name, each in value.items()}
    return type(value).__name__


def _played(broker: TokenBroker) -> list[Any]:
    bodies: list[Any] = []
    found: list[Any] = []
    for operation, fields in SCENARIO:
        given = {name: value(bodies) if callable(value) else value for name, value in fields.items()}
        try:
            answer = broker.call(operation, merchant="acme", **given)
        except TokenBrokerError as error:
            bodies.append(None)
            found.append((operation, type(error).__name__, error.status, None))
        else:
            bodies.append(answer.body)
            found.append((operation, _shape(answer.body), None, answer.revision))
    return found


def test_the_broker_in_memory_answers_as_the_functions_do(functions: Functions) -> None:
    fake = FakeTransport(clock=lambda: NOW)
    for real, faked in zip(_played(TokenBroker(functions)), _played(TokenBroker(fake)), strict=True):
        assert faked == real


def test_the_tokens_in_memory_are_sent_as_the_providers_tokens() -> None:
    merchant = TokenBroker(FakeTransport()).merchant("acme")
    tokens = [merchant.shopify.current(), merchant.fourthwall.current(), merchant.chicksx.token("s-1")]
    assert [(token.use.location, token.use.name) for token in tokens] == [
        ("header", shopify.HEADER),
        fourthwall.USE[:2],
        chicksx.USE[:2],
    ]


def test_every_operation_is_played() -> None:
    """The migration of a permanent token needs a merchant of its own."""
    from token_broker_client.operations import OPERATIONS

    assert {operation for operation, _ in SCENARIO} | {"shopify/migrate_token"} == OPERATIONS.keys()
