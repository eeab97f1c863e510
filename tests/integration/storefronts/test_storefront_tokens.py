"""Storefronts from the gateway's question to the token, over the table, the secrets and the providers.

What an authorizer refuses is tried in tests/unit. Here is what comes of its decision, and what the parts share.
"""

import time
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.fakes.trust_policies import SHOP, hs256, oidc, policy, sessions
from tests.integration.support.functions import CHICKSX, CURRENT, FOURTHWALL, HttpResponse, provider_of
from tests.integration.support.gateway import Gateway, opened, proof
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import refusing
from token_broker.domain.grant import CLOCK_SKEW
from token_broker.storefronts.admission import TTL_SECONDS

OTHER_KEY = "another merchant's key, 32 bytes and more"
OPEN = policy(
    origins=[SHOP, "http://localhost:3000"],
    anonymous=["shopify/storefront-access-token", "fourthwall/public-token"],
    sessions=sessions(),
)


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    """Open the routes of a stack whose merchant `demo` trusts one shop's pages and its backend's proofs."""
    return opened(stack, OPEN)


def check_readable(answer: HttpResponse, origin: str = SHOP) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("function", [FOURTHWALL, CURRENT])
def test_a_page_gets_the_token_that_the_merchants_backend_gets(gateway: Gateway, function: str) -> None:
    answers = [gateway.page(function, origin=origin, **{"Cache-Control": "no-cache"}) for origin in OPEN["origins"]]
    again = gateway.page(function, **{"If-None-Match": answers[0].headers["ETag"]})

    for answer, origin in zip(answers, OPEN["origins"], strict=True):
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=30")
        check_readable(answer, origin)
        assert answer.body == gateway.stack.worker(function).api(headers={"Cache-Control": None}).body
    assert (again.status, again.body, again.headers["ETag"]) == (304, {}, answers[0].headers["ETag"])
    check_readable(again)
    gateway.stack.merchant(provider_of(function), "other")
    for merchant, origin in ((MERCHANT, None), (MERCHANT, "null"), ("other", SHOP)):
        assert gateway.page(function, merchant, origin=origin).status == 403
    assert gateway.stack.mints(provider_of(function)) == 1
    assert len(gateway.stack.asked(function)) == 1


def test_a_withdrawn_policy_bites_once_memory_lets_go_of_it(gateway: Gateway) -> None:
    assert gateway.page(CURRENT).status == 200
    gateway.stack.trust(policy())

    gateway.stack.clock.offset += TTL_SECONDS

    assert gateway.page(CURRENT).status == 403


def test_each_merchants_own_keys_count_from_secrets_manager(gateway: Gateway) -> None:
    """A new key works at once, since its name is not known yet; an old one until memory lets go of it."""
    stack = gateway.stack
    stack.merchant("chicksx", "other")
    stack.trust(OPEN, "other")
    stack.proof_keys("other", k1=OTHER_KEY)
    assert gateway.session(proof(stack), "s-1").status == 201
    assert gateway.session(proof(stack), "s-1", "other").status == 401
    assert gateway.session(proof(stack, key=OTHER_KEY), "s-1", "other").status == 201

    stack.proof_keys(k2=OTHER_KEY)
    assert gateway.session(proof(stack, key=OTHER_KEY, kid="k2"), "s-1").status == 200
    stack.clock.offset += 31

    assert gateway.session(proof(stack), "s-1").status == 401


def test_a_proof_that_ends_between_the_authorizer_and_the_function_is_refused(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does whose allow the gateway keeps."""
    stack = gateway.stack
    token = proof(stack, exp=int(stack.clock.now()) + 5)
    function = stack.worker(CHICKSX)
    answered = function.answer

    def later(event: Any) -> HttpResponse:
        stack.clock.offset += 5 + CLOCK_SKEW
        return answered(event)

    monkeypatch.setattr(function, "answer", later)
    answer = gateway.session(token, "s-1")

    assert (answer.status, answer.code) == (401, "unauthenticated")
    check_readable(answer)


@pytest.mark.parametrize("operation", ["GetItem", "GetSecretValue"])
def test_an_authorizer_that_cannot_decide_is_503(gateway: Gateway, operation: str) -> None:
    stack = gateway.stack

    with refusing(stack.dynamodb if operation == "GetItem" else stack.secretsmanager, operation):
        assert gateway.session(proof(stack), "s-1").status == 503

    stack.clock.offset += 6  # a secret that could not be read is left alone for a moment
    assert gateway.session(proof(stack), "s-1").status == 201


def test_a_session_with_its_issuers_proof_gets_its_token(gateway: Gateway, simulators: Addresses) -> None:
    stack = gateway.stack
    rule = oidc(
        issuer=simulators["issuer"],
        jwksUri=f"{simulators['issuer']}/.well-known/jwks.json",
        sessionClaim="https://shop.example/session",
        claims={"shop": "demo"},
    )
    stack.merchant("chicksx", "other")
    assert stack.trust(policy(sessions=sessions(hs256(), rule)), "other").status == 201

    def login(**claims: str) -> str:
        said = {
            "iss": simulators["issuer"],
            "aud": "storefront",
            "exp": int(time.time()) + 600,
            "shop": "demo",
            **claims,
        }
        token: str = stack.control.sign(said)
        stack.secret_values.add(token)
        return token

    session = {"https://shop.example/session": "s-1"}
    answers = [
        gateway.session(login(**session), "s-1", "other"),
        gateway.session(login(**session, shop="another"), "s-1", "other"),
        gateway.session(login(sid="s-1"), "s-1", "other"),
        gateway.session(login(**session), "s-1", MERCHANT),
    ]

    assert [answer.status for answer in answers] == [201, 401, 401, 401]
    assert len(stack.control.requests("issuer")) == 1, "the key set is fetched once"
