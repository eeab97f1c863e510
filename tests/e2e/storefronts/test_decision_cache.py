"""What a decision is worth that the gateway has kept: what was asked, until the proof ends, and nothing more."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.conftest import AuthorizerLog
from tests.e2e.support.raw_http import exchange
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import CLIENT_SHOPIFY, STOREFRONT_CHICKSX, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import (
    Shops,
    client,
    client_token,
    page,
    refused_by_function,
    refused_by_gateway,
    session,
    session_token,
)

BODY = {"sessionId": "checkout-1"}
#: Seconds by which two machines' clocks may differ.
SKEW = 30


@contextmanager
def careless(stack: Stack, aws: Aws, name: str) -> Iterator[None]:
    """Give an authorizer a worse cache than the template's, for five minutes and by the proof alone.

    The gateway reuses a decision for every other path and time, so the test shows what our own responses prevent.
    """
    gateway, api = aws("apigateway"), stack.api_url.split("/execute-api/")[1].split("/")[0]

    def authorizer() -> dict[str, Any]:
        [found] = [each for each in gateway.get_authorizers(restApiId=api)["items"] if each["name"] == name]
        return dict(found)

    def change(members: dict[str, Any]) -> None:
        operations = [{"op": "replace", "path": f"/{name}", "value": str(value)} for name, value in members.items()]
        gateway.update_authorizer(restApiId=api, authorizerId=authorizer()["id"], patchOperations=operations)
        gateway.create_deployment(restApiId=api, stageName="v1")

    before = authorizer()
    worse = {"identitySource": "method.request.header.Authorization", "authorizerResultTtlInSeconds": 300}
    change(worse)
    try:
        yield
    finally:
        change({name: before[name] for name in worse})
        assert authorizer() == before


@pytest.fixture
def careless_sessions(stack: Stack, aws: Aws) -> Iterator[None]:
    with careless(stack, aws, "Proof"):
        yield


@pytest.fixture
def careless_clients(stack: Stack, aws: Aws) -> Iterator[None]:
    with careless(stack, aws, "Client"):
        yield


@pytest.mark.usefixtures("careless_sessions")
def test_a_cached_decision_is_good_for_nothing_but_what_was_asked_until_its_proof_ends(
    stack: Stack, control: ControlClient, shops: Shops, authorizer_log: AuthorizerLog
) -> None:
    """Takes some 10 s: the proof must be good at first, and past its end and the skew a moment later."""
    shop, other = shops.open(), shops.open()
    session_token(session(stack, shop, shop.proof("warm"), {"sessionId": "warm"}), 201)
    ends = int(time.time()) - SKEW + 10
    proof = shop.proof(iat=ends - 60, exp=ends)
    session_token(session(stack, shop, proof, BODY, origin=shop.origin), 201, shop.origin)
    control.forget_requests()

    # Were the authorizer asked about these, it would say 401: the proof is none for the other merchant.
    refused_by_gateway(session(stack, other, proof, BODY), 403, "forbidden")
    for crooked in (shop.name.upper(), f"{shop.name}%2F", f"{other.name}%00", f"{shop.name};x"):
        path = STOREFRONT_CHICKSX.format(merchant=crooked)
        headers = [("Authorization", f"Bearer {proof}"), ("Content-Length", "0")]
        assert exchange(stack, "POST", path, headers).status_code in (401, 403), crooked
    # Other methods and paths of the merchant have an authorizer of their own, or none.
    bearer = {"Authorization": f"Bearer {proof}"}
    response = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), "https://evil.com", headers=bearer)
    refused_by_gateway(response, 403, "forbidden")
    refused_by_function(session(stack, shop, proof, {"sessionId": "checkout-2"}), 403, "forbidden")
    refused_by_function(session(stack, shop, proof, {**BODY, "scope": ["wallet.write"]}), 403, "forbidden")
    refused_by_function(session(stack, shop, proof, BODY, origin="https://evil.com"), 403, "forbidden")
    session_token(session(stack, shop, proof, BODY), 200)

    time.sleep(max(0.0, ends + SKEW - time.time()) + 0.1)
    # The authorizer would have been the gateway's 401, with other words.
    problem = refused_by_function(session(stack, shop, proof, BODY), 401, "unauthenticated")
    assert problem["detail"].startswith("The proof has expired.")
    assert control.requests() == []
    lines = [line for line in authorizer_log.decisions()[shop.name] if line["operation"] == "chicksx/public-tokens"]
    assert [line["decision"] for line in lines] == ["allow", "allow"], (
        "once a proof: the cache was at work all the time"
    )
    assert not authorizer_log.decisions()[other.name]


@pytest.mark.usefixtures("careless_clients")
def test_a_cached_decision_about_a_client_is_good_for_its_merchants_shop_tokens_until_its_proof_ends(
    stack: Stack, shops: Shops, authorizer_log: AuthorizerLog
) -> None:
    """Takes some 10 s, as the test above."""
    shop, other = shops.open(), shops.open()
    path, others = CLIENT_SHOPIFY.format(merchant=shop.name), CLIENT_SHOPIFY.format(merchant=other.name)
    client_token(client(stack, path, shop.client_proof()))
    ends = int(time.time()) - SKEW + 10
    proof = shop.client_proof(iat=ends - 60, exp=ends)
    client_token(client(stack, path, proof))

    refused_by_gateway(client(stack, others, proof), 403, "forbidden")
    refused_by_gateway(session(stack, shop, proof, BODY), 401, "unauthenticated")
    bearer = {"Authorization": f"Bearer {proof}"}
    response = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), "https://evil.com", headers=bearer)
    refused_by_gateway(response, 403, "forbidden")
    client_token(client(stack, path, proof, headers={"Origin": "https://evil.com"}))

    time.sleep(max(0.0, ends + SKEW - time.time()) + 0.1)
    problem = problem_of(client(stack, path, proof), 401, "unauthenticated")
    assert problem["detail"].startswith("The proof has expired.")
    lines = [line for line in authorizer_log.decisions()[shop.name] if line["entry_point"] == "client"]
    assert [line["decision"] for line in lines] == ["allow", "allow"], "once a proof: the cache was at work"
    assert not authorizer_log.decisions()[other.name]


def test_as_deployed_a_decision_about_a_session_is_made_for_each_page(stack: Stack, shops: Shops) -> None:
    """One proof, first of an app and then of two pages. Each page is named alone."""
    shop = shops.closed()
    second = f"https://second.{shop.name}.example"
    shops.put_policy(shop, shop.policy(origins=[shop.origin, second]))
    proof = shop.proof()

    session_token(session(stack, shop, proof, BODY), 201)
    for origin in (shop.origin, second):
        session_token(session(stack, shop, proof, BODY, origin=origin), 200, origin)
    refused_by_function(session(stack, shop, proof, BODY, origin="https://evil.com"), 403, "forbidden")
