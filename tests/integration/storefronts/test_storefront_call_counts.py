"""What a storefront's request costs: one read for a fresh decision, nothing from memory, no network for known keys."""

from collections.abc import Callable
from typing import Any

import pytest

from proofs.signing_keys import TIMES
from sandbox.simulators import Addresses
from tests.fakes.trust_policies import SHOP, hs256, oidc, policy, sessions
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import CHICKSX, CURRENT, FOURTHWALL, PROOF_AUTHORIZER, SHOP_AUTHORIZER
from tests.integration.support.gateway import Gateway, authorizer_request, opened, proof, request
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.storefronts.admission import ABSENT_TTL_SECONDS, TTL_SECONDS
from token_broker.tokens.cache import TTL_SECONDS as TOKEN_TTL_SECONDS

ISSUERS_JWT = {"shop": "demo", "sid": "s-1", "aud": "storefront"}

type Ask = Callable[[], Any]


@pytest.fixture
def gateway(stack: Stack, simulators: Addresses) -> Gateway:
    rule = oidc(
        issuer=simulators["issuer"], jwksUri=f"{simulators['issuer']}/.well-known/jwks.json", claims={"shop": "demo"}
    )
    operations = ["shopify/storefront-access-token", "fourthwall/public-token"]
    return opened(stack, policy(anonymous=operations, sessions=sessions(hs256(), rule)))


def cost(stack: Stack, ask: Ask) -> list[str]:
    """Return the AWS operations of an authorizer call that must succeed."""
    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        answer = ask()
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    return asked


def page(stack: Stack, function: str = CURRENT) -> Ask:
    """Return a request to the warm shop authorizer."""
    worker, asked = stack.worker(SHOP_AUTHORIZER), authorizer_request(request(function, MERCHANT, {"Origin": SHOP}))
    return lambda: worker.invoke(asked)


def session(stack: Stack, token: str) -> Ask:
    """Return a request to the warm proof authorizer."""
    headers = {"Authorization": f"Bearer {token}"}
    worker, asked = stack.worker(PROOF_AUTHORIZER), authorizer_request(request(CHICKSX, MERCHANT, headers))
    return lambda: worker.invoke(asked)


def test_a_fresh_decision_on_a_page_costs_one_read_and_the_next_nothing(gateway: Gateway) -> None:
    stack = gateway.stack

    assert cost(stack, page(stack)) == ["GetItem"]
    assert cost(stack, page(stack)) == []
    assert cost(stack, page(stack, FOURTHWALL)) == [], "the policy is the merchant's, not the route's"
    stack.clock.offset += TTL_SECONDS
    assert cost(stack, page(stack)) == ["GetItem"]


def test_an_unknown_caller_costs_no_more_than_a_page(gateway: Gateway) -> None:
    stack = gateway.stack
    worker = stack.worker(SHOP_AUTHORIZER)

    def deny(merchant: str) -> list[str]:
        with counted(stack.dynamodb, stack.secretsmanager) as asked:
            answer = worker.invoke(authorizer_request(request(CURRENT, merchant, {"Origin": "https://evil.example"})))
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
        return asked

    assert [deny("nobody"), deny("nobody"), deny(MERCHANT), deny(MERCHANT)] == [["GetItem"], [], ["GetItem"], []]
    stack.clock.offset += ABSENT_TTL_SECONDS
    assert [deny("nobody"), deny(MERCHANT)] == [["GetItem"], []]


def test_a_fresh_decision_on_a_backends_proof_costs_one_read_of_the_table(gateway: Gateway) -> None:
    stack = gateway.stack

    assert cost(stack, session(stack, proof(stack))) == ["GetItem", "GetSecretValue"]
    assert cost(stack, session(stack, proof(stack))) == []
    assert cost(stack, session(stack, proof(stack, "s-2"))) == []


def test_a_backends_key_is_read_once_in_its_life(gateway: Gateway) -> None:
    stack = gateway.stack
    asked: list[str] = []

    for seconds in (0, TIMES.fresh_for / 2, TIMES.fresh_for / 2 - 1):
        stack.clock.offset += seconds
        asked += cost(stack, session(stack, proof(stack)))
    assert asked.count("GetSecretValue") == 1

    stack.clock.offset += 1
    assert "GetSecretValue" in cost(stack, session(stack, proof(stack)))


def test_a_wrong_proof_does_not_have_the_key_read_each_time(gateway: Gateway) -> None:
    stack = gateway.stack
    wrong = "a key that is not the merchant's, but long"

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        statuses = {gateway.session(proof(stack, key=wrong), "s-1").status for _ in range(20)}

    assert statuses == {401}
    assert asked.count("GetSecretValue") <= 2, "once, and once more since the key may have been changed"
    assert asked.count("GetItem") == 1


def test_junk_costs_no_key(gateway: Gateway) -> None:
    stack = gateway.stack

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        for token in (None, "junk", "a.b.c", proof(stack, iss="https://evil.example")):
            assert gateway.session(token, "s-1").status == 401

    assert asked == ["GetItem"]


def test_a_path_that_is_no_route_costs_nothing(gateway: Gateway) -> None:
    stack = gateway.stack
    asked = authorizer_request(request(CURRENT, MERCHANT, {"Origin": SHOP}))
    asked["methodArn"] = asked["methodArn"].replace("demo/", "demo//")

    with counted(stack.dynamodb, stack.secretsmanager) as calls:
        answer = stack.worker(SHOP_AUTHORIZER).invoke(asked)

    assert (answer["policyDocument"]["Statement"][0]["Effect"], calls) == ("Deny", [])


def test_an_issuers_proof_costs_one_read_and_its_keys_are_fetched_once(gateway: Gateway, simulators: Addresses) -> None:
    stack = gateway.stack

    def login() -> str:
        claims = {**ISSUERS_JWT, "iss": simulators["issuer"], "exp": int(stack.clock.now()) + 60}
        token: str = stack.control.sign(claims)
        stack.secret_values.add(token)
        return token

    assert cost(stack, session(stack, login())) == ["GetItem"]
    assert cost(stack, session(stack, login())) == []
    stack.clock.offset += TTL_SECONDS
    assert cost(stack, session(stack, login())) == ["GetItem"]
    assert len(stack.control.requests("issuer")) == 1


@pytest.mark.parametrize("function", [CURRENT, FOURTHWALL])
def test_a_shops_token_for_a_browser_costs_a_warm_function_nothing(gateway: Gateway, function: str) -> None:
    stack = gateway.stack
    assert gateway.page(function).status == 200
    asked_of_provider = len(stack.asked(function))

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        statuses = [gateway.page(function).status for _ in range(3)]

    assert (statuses, asked) == ([200] * 3, [])
    assert len(stack.asked(function)) == asked_of_provider


def test_a_shops_token_for_a_browser_costs_one_read_once_memory_lets_go_of_it(gateway: Gateway) -> None:
    """And the authorizer one of its own."""
    stack = gateway.stack
    gateway.page(CURRENT)
    stack.clock.offset += max(TOKEN_TTL_SECONDS, TTL_SECONDS)

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        assert gateway.page(CURRENT).status == 200

    assert asked == ["GetItem", "GetItem"]


def test_a_sessions_token_that_there_is_costs_one_query_each_time(gateway: Gateway) -> None:
    """Session tokens are never kept in memory: a session may have been closed."""
    stack = gateway.stack
    assert gateway.session(proof(stack), "s-1").status == 201

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        assert gateway.session(proof(stack), "s-1").status == 200

    assert asked == ["Query"]


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
    stack = gateway.stack
    assert gateway.session(proof(stack), "s-1").status == 201
    token = proof(stack)

    with counted(stack.dynamodb, stack.secretsmanager) as asked:
        assert refused(gateway, token).status == 403

    assert asked == []
