"""Storefronts from the gateway's question to the token, over the table, the secrets and the providers."""

import time
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.fakes.trust_policies import SHOP, hs256, oidc, policy, sessions
from tests.integration.support.functions import CHICKSX, CURRENT, FOURTHWALL, HttpResponse, provider_of
from tests.integration.support.gateway import KEY, Gateway, opened, proof
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import timed_out
from token_broker.domain.grant import CLOCK_SKEW
from token_broker.storefronts.admission import TTL_SECONDS

OTHER_KEY = "another merchant's key, 32 bytes and more"
OPEN = policy(
    origins=[SHOP, "http://localhost:3000"],
    anonymous=["shopify/storefront-access-token", "fourthwall/public-token"],
    sessions=sessions(),
)
PAGES = [FOURTHWALL, CURRENT]


@pytest.fixture
def gateway(stack: Stack) -> Gateway:
    """Open the routes of a stack whose merchant `demo` trusts one shop's pages and its backend's proofs."""
    return opened(stack, OPEN)


def check_readable(answer: HttpResponse, origin: str = SHOP) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


# Pages


@pytest.mark.parametrize("function", PAGES)
def test_a_page_gets_the_token_that_the_merchants_backend_gets(gateway: Gateway, function: str) -> None:
    answer = gateway.page(function)

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=30"
    check_readable(answer)
    assert answer.body == gateway.stack.worker(function).api(headers={"Cache-Control": None}).body
    assert gateway.stack.mints(provider_of(function)) == 1


@pytest.mark.parametrize("function", PAGES)
def test_a_page_that_has_the_token_is_told_so(gateway: Gateway, function: str) -> None:
    tag = gateway.page(function).headers["ETag"]

    again = gateway.page(function, **{"If-None-Match": tag})

    assert (again.status, again.body, again.headers["ETag"]) == (304, {}, tag)
    check_readable(again)


@pytest.mark.parametrize("function", PAGES)
def test_each_of_the_merchants_origins_is_named_alone(gateway: Gateway, function: str) -> None:
    for origin in OPEN["origins"]:
        check_readable(gateway.page(function, origin=origin), origin)


@pytest.mark.parametrize("function", PAGES)
@pytest.mark.parametrize("origin", [None, "https://shop.example.evil.example", "null", "https://SHOP.example"])
def test_another_page_is_refused_before_the_function_is_called(
    gateway: Gateway, function: str, origin: str | None
) -> None:
    assert gateway.page(function, origin=origin).status == 403
    assert gateway.stack.asked(function) == []


@pytest.mark.parametrize("merchant", ["nobody", "other"])
def test_a_merchant_without_a_policy_is_closed(gateway: Gateway, merchant: str) -> None:
    gateway.stack.merchant("shopify", "other")

    assert gateway.page(CURRENT, merchant).status == 403


def test_an_operation_that_the_policy_does_not_open_is_closed(gateway: Gateway) -> None:
    gateway.stack.trust(policy(anonymous=["fourthwall/public-token"]), "other")
    gateway.stack.merchant("shopify", "other")
    gateway.stack.merchant("fourthwall", "other")

    assert gateway.page(CURRENT, "other").status == 403
    assert gateway.page(FOURTHWALL, "other").status == 200


def test_a_reload_does_not_reach_the_provider(gateway: Gateway) -> None:
    for _ in range(3):
        assert gateway.page(FOURTHWALL, **{"Cache-Control": "no-cache", "Pragma": "no-cache"}).status == 200

    assert len(gateway.stack.asked("fourthwall")) == 1


def test_a_page_is_not_told_what_the_provider_said(gateway: Gateway) -> None:
    gateway.stack.control.fault("fourthwall", "status", status=400)

    answer = gateway.page(FOURTHWALL)

    assert (answer.status, answer.code) == (502, "provider_error")
    assert "provider" not in answer.body
    check_readable(answer)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_withdrawn_policy_bites_once_memory_lets_go_of_it(gateway: Gateway) -> None:
    assert gateway.page(CURRENT).status == 200
    assert gateway.stack.trust(policy()).status == 200

    gateway.stack.clock.offset += TTL_SECONDS

    assert gateway.page(CURRENT).status == 403


# Sessions


def test_a_session_with_its_proof_gets_its_token(gateway: Gateway) -> None:
    first = gateway.session(proof(gateway.stack), "s-1")
    again = gateway.session(proof(gateway.stack), "s-1")

    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert (first.body["subject"], first.body["scope"]) == ("session:s-1", ["wallet.read", "merchant.read"])
    for answer in (first, again):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "ETag" not in answer.headers
        check_readable(answer)


def test_an_app_without_an_origin_is_let_in_by_its_proof(gateway: Gateway) -> None:
    answer = gateway.session(proof(gateway.stack), "s-1", origin=None)

    assert answer.status == 201
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_proof_on_another_page_is_refused_by_the_function(gateway: Gateway) -> None:
    """The gateway may answer for the authorizer, whatever the origin is."""
    answer = gateway.session(proof(gateway.stack), "s-1", origin="https://evil.example")

    assert (answer.status, answer.code) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert gateway.decisions[-1]["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_the_proof_of_one_session_is_none_of_another(gateway: Gateway) -> None:
    answer = gateway.session(proof(gateway.stack, "s-1"), "s-2")

    assert (answer.status, answer.code) == (403, "forbidden")
    check_readable(answer)
    assert gateway.stack.asked(CHICKSX) == []


@pytest.mark.parametrize(
    ("scope", "status"), [(["wallet.read"], 201), (["admin"], 403), (["wallet.read", "admin"], 403)]
)
def test_scopes_are_asked_for_within_the_policy_or_not_at_all(gateway: Gateway, scope: list[str], status: int) -> None:
    answer = gateway.session(proof(gateway.stack), "s-1", scope=scope)

    assert answer.status == status
    assert gateway.stack.mints("chicksx") == (1 if status == 201 else 0)


def test_a_token_that_the_backend_made_with_more_is_not_handed_over(gateway: Gateway) -> None:
    made = gateway.stack.worker(CHICKSX).api(body={"sessionId": "s-1", "scope": ["wallet.read", "admin"]})
    assert made.status == 201

    answer = gateway.session(proof(gateway.stack), "s-1")

    assert (answer.status, answer.code) == (403, "forbidden")
    assert made.body["accessToken"] not in str(answer.body)
    assert gateway.stack.mints("chicksx") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"key": OTHER_KEY},
        {"kid": "k2"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": 4_102_444_800},
        {"sid": ""},
        {"sid": None},
    ],
    ids=["key", "kid", "audience", "issuer", "expired", "for decades", "no name", "no session"],
)
def test_a_proof_that_is_none_is_401(gateway: Gateway, change: dict[str, Any]) -> None:
    claims = {**change}
    token = proof(gateway.stack, **({"session_id": claims.pop("sid")} if "sid" in claims else {}), **claims)

    assert gateway.session(token, "s-1").status == 401
    assert gateway.session(None, "s-1").status == 401
    assert gateway.stack.asked(CHICKSX) == []


def test_a_merchants_proof_is_none_of_another_merchants(gateway: Gateway) -> None:
    stack = gateway.stack
    stack.merchant("chicksx", "other")
    stack.trust(OPEN, "other")
    stack.proof_keys("other", k1=OTHER_KEY)

    assert gateway.session(proof(stack), "s-1", "other").status == 401
    assert gateway.session(proof(stack, key=OTHER_KEY), "s-1", "other").status == 201


def test_without_a_kid_the_only_key_is_taken_and_of_two_none(gateway: Gateway) -> None:
    assert gateway.session(proof(gateway.stack, kid=None), "s-1").status == 201

    gateway.stack.trust(OPEN, "other")
    gateway.stack.proof_keys("other", k1=KEY, k2=OTHER_KEY)

    assert gateway.session(proof(gateway.stack, kid=None), "s-1", "other").status == 401


def test_a_new_key_counts_at_once(gateway: Gateway) -> None:
    """Its name is not known yet, so the secret is read anew."""
    assert gateway.session(proof(gateway.stack), "s-1").status == 201
    gateway.stack.proof_keys(k1=KEY, k2=OTHER_KEY)

    assert gateway.session(proof(gateway.stack, key=OTHER_KEY, kid="k2"), "s-1").status == 200


def test_a_key_that_was_taken_away_counts_no_more_once_memory_lets_go_of_it(gateway: Gateway) -> None:
    assert gateway.session(proof(gateway.stack), "s-1").status == 201
    gateway.stack.proof_keys(k2=OTHER_KEY)

    gateway.stack.clock.offset += 31

    assert gateway.session(proof(gateway.stack), "s-1").status == 401


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
    client = stack.dynamodb if operation == "GetItem" else stack.secretsmanager

    def fail(**_: Any) -> None:
        raise timed_out()

    event = f"before-call.*.{operation}"
    client.meta.events.register(event, fail)
    try:
        assert gateway.session(proof(stack), "s-1").status == 503
    finally:
        client.meta.events.unregister(event, fail)

    stack.clock.offset += 6  # a secret that could not be read is left alone for a moment
    assert gateway.session(proof(stack), "s-1").status == 201


# An issuer


def login(stack: Stack, simulators: Addresses, **claims: Any) -> str:
    """Return a login token that the OIDC issuer signs."""
    said = {"iss": simulators["issuer"], "aud": "storefront", "exp": int(time.time()) + 600, "shop": "demo", **claims}
    token: str = stack.control.sign(said)
    stack.secret_values.add(token)
    return token


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

    session = {"https://shop.example/session": "s-1"}
    answers = [
        gateway.session(login(stack, simulators, **session), "s-1", "other"),
        gateway.session(login(stack, simulators, **session, shop="another"), "s-1", "other"),
        gateway.session(login(stack, simulators, sid="s-1"), "s-1", "other"),
        gateway.session(login(stack, simulators, **session), "s-1", MERCHANT),
    ]

    assert [answer.status for answer in answers] == [201, 401, 401, 401]
    assert len(stack.control.requests("issuer")) == 1, "the key set is fetched once"
