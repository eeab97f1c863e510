"""What a storefront's request may cost: at most one read for a fresh decision, nothing from memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from proofs.signing_keys import TIMES
from sandbox.simulators import Addresses
from tests.fakes.trust_policies import SHOP, hs256, oidc, policy, sessions
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import CHICKSX, CURRENT, FOURTHWALL, SHOP_AUTHORIZER
from tests.integration.support.gateway import Gateway, authorizer_request, opened, proof, request
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.storefronts.admission import TTL_SECONDS
from token_broker.tokens.cache import TTL_SECONDS as TOKEN_TTL_SECONDS


@pytest.fixture
def gateway(stack: Stack, simulators: Addresses) -> Gateway:
    rule = oidc(
        issuer=simulators["issuer"], jwksUri=f"{simulators['issuer']}/.well-known/jwks.json", claims={"shop": "demo"}
    )
    operations = ["shopify/storefront-access-token", "fourthwall/public-token"]
    return opened(stack, policy(anonymous=operations, sessions=sessions(hs256(), rule)))


@contextmanager
def budget(gateway: Gateway, **calls: int) -> Iterator[None]:
    """Allow at most these numbers of AWS operations in the block."""
    with counted(gateway.stack.dynamodb, gateway.stack.secretsmanager) as asked:
        yield
    assert {name: asked.count(name) for name in asked if asked.count(name) > calls.get(name, 0)} == {}


def login(gateway: Gateway, issuer: str) -> str:
    """Return a login token that the OIDC issuer signs."""
    expires = int(gateway.stack.clock.now()) + 60
    claims = {"iss": issuer, "aud": "storefront", "exp": expires, "shop": "demo", "sid": "s-1"}
    token: str = gateway.stack.control.sign(claims)
    gateway.stack.secret_values.add(token)
    return token


@pytest.mark.parametrize("function", [CURRENT, FOURTHWALL])
def test_a_shops_token_costs_warm_processes_nothing_and_one_read_each_once_memory_lets_go_of_it(
    gateway: Gateway, function: str
) -> None:
    stack = gateway.stack
    assert gateway.page(function).status == 200

    with budget(gateway):
        assert [gateway.page(function).status for _ in range(3)] == [200] * 3
    stack.clock.offset += max(TOKEN_TTL_SECONDS, TTL_SECONDS)
    with budget(gateway, GetItem=2):
        assert gateway.page(function).status == 200

    assert stack.mints(function.partition("/")[0]) == 1


def test_a_page_that_is_refused_costs_one_read_of_the_policy(gateway: Gateway) -> None:
    with budget(gateway, GetItem=2):
        for merchant in ("nobody", "nobody", MERCHANT, MERCHANT):
            assert gateway.page(CURRENT, merchant, origin="https://evil.example").status == 403


def test_a_path_that_is_no_route_costs_nothing(gateway: Gateway) -> None:
    asked = authorizer_request(request(CURRENT, MERCHANT, {"Origin": SHOP}))
    asked["methodArn"] = asked["methodArn"].replace("demo/", "demo//")

    with budget(gateway):
        answer = gateway.stack.worker(SHOP_AUTHORIZER).invoke(asked)

    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_a_session_costs_one_query_each_time_and_its_decision_one_read_of_policy_and_key(gateway: Gateway) -> None:
    """Session tokens are never kept in memory: a session may have been closed."""
    stack = gateway.stack
    assert gateway.session(proof(stack), "s-1").status == 201

    for seconds in (0, TIMES.fresh_for - 1):
        stack.clock.offset += seconds
        with budget(gateway, Query=1, GetItem=1):
            assert gateway.session(proof(stack), "s-1").status == 200
    stack.clock.offset += 1
    with budget(gateway, Query=1, GetItem=1, GetSecretValue=1):
        assert gateway.session(proof(stack), "s-1").status == 200


def test_an_issuers_keys_are_fetched_once_and_cost_no_secret(gateway: Gateway, simulators: Addresses) -> None:
    assert gateway.session(proof(gateway.stack), "s-1").status == 201

    for _ in range(2):
        with budget(gateway, Query=1, GetItem=1):
            assert gateway.session(login(gateway, simulators["issuer"]), "s-1").status == 200
        gateway.stack.clock.offset += TTL_SECONDS

    assert len(gateway.stack.control.requests("issuer")) == 1


def test_proofs_that_are_none_cost_one_read_of_the_policy_and_two_of_the_key(gateway: Gateway) -> None:
    """The second, since the key may have been changed. What has not the form of a proof costs nothing."""
    stack = gateway.stack

    with budget(gateway):
        for junk in (None, "junk", "a.b.c"):
            assert gateway.session(junk, "s-1").status == 401
    with budget(gateway, GetItem=1):
        assert gateway.session(proof(stack, iss="https://evil.example"), "s-1").status == 401
    with budget(gateway, GetSecretValue=2):
        for _ in range(20):
            assert gateway.session(proof(stack, key="a key that is not the merchant's, but long"), "s-1").status == 401


@pytest.mark.parametrize(
    "refused",
    [
        lambda gateway, token: gateway.session(token, "s-2"),
        lambda gateway, token: gateway.session(token, "s-1", scope=["admin"]),
        lambda gateway, token: gateway.session(token, "s-1", origin="https://evil.example"),
    ],
    ids=["session", "scope", "origin"],
)
def test_what_the_function_refuses_costs_nothing_of_it(
    gateway: Gateway, refused: Callable[[Gateway, str], Any]
) -> None:
    assert gateway.session(proof(gateway.stack), "s-1").status == 201

    with budget(gateway):
        assert refused(gateway, proof(gateway.stack)).status == 403

    assert len(gateway.stack.asked(CHICKSX)) == 1
