"""What proves nothing: 401, no call to a provider, and not a word about what was wrong.

They are all sent first, some at a time. The many more forms are tried in tests/unit.
"""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.support.authorizer_log import AuthorizerLog
from tests.e2e.storefronts.support.merchant_shops import KID, Shop, Shops
from tests.e2e.storefronts.support.proof_tokens import hs256, unsigned, with_bit_turned, with_claims, with_header
from tests.e2e.storefronts.support.storefront_requests import session
from tests.e2e.storefronts.support.storefront_responses import refused_by_gateway, session_token

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

BODY = {"sessionId": "checkout-1"}
DAY = 24 * 60 * 60
AT_A_TIME = 4

#: What the authorizer writes about each, and the JWT.
JWTS: dict[str, tuple[str, Callable[[Shop], str]]] = {
    "another header": ("bad_signature", lambda shop: with_header(shop.proof(), typ="at+jwt")),
    "another session": ("bad_signature", lambda shop: with_claims(shop.proof("mine"), sid="checkout-1")),
    "the signature's first bit": ("bad_signature", lambda shop: with_bit_turned(shop.proof(), 0)),
    "no signature": ("bad_signature", lambda shop: shop.proof().rpartition(".")[0] + "."),
    "another key": ("bad_signature", lambda shop: hs256(shop.claims(), "x" * 48, kid=KID)),
    "expired": ("expired", lambda shop: shop.proof(exp=shop.claims()["iat"] - 31)),
    "not yet valid": ("not_yet_valid", lambda shop: shop.proof(nbf=shop.claims()["iat"] + 60)),
    "without an end": ("missing_claim", lambda shop: shop.proof(exp=None)),
    "good for more than a day": ("too_long", lambda shop: shop.proof(exp=shop.claims()["iat"] + DAY + 90)),
    "another audience": ("wrong_audience", lambda shop: shop.proof(aud="token-broker.evil.com")),
    "another issuer": ("unknown_issuer", lambda shop: shop.proof(iss=f"{shop.origin}/")),
    "without a session": ("bad_session", lambda shop: shop.proof(sid=None)),
    "alg none": ("wrong_algorithm", lambda shop: unsigned(shop.claims(), "none")),
    "alg nOnE, with a good signature": (
        "wrong_algorithm",
        lambda shop: hs256(shop.claims(), shop.key, alg="nOnE", kid=KID),
    ),
    "an unknown key's id": ("unknown_key", lambda shop: hs256(shop.claims(), shop.key, kid="second")),
    "its own key": (
        "refused_header",
        lambda shop: hs256(
            shop.claims(), b"x" * 32, kid=KID, jwk={"kty": "oct", "k": base64.b64encode(b"x" * 32).decode()}
        ),
    ),
}

#: A good proof in a wrong place, or none.
PLACES: dict[str, Callable[[Shop], dict[str, str]]] = {
    "nothing": lambda _: {},
    "another scheme": lambda shop: {"Authorization": f"Basic {shop.proof()}"},
}


@dataclass(frozen=True)
class Judged:
    """An answer, what the authorizer has written about it, and how often ChicksX was asked for a token."""

    response: requests.Response
    decision: dict[str, Any]
    mints: int


@pytest.fixture(scope="module")
def judged(stack: Stack, shops: Shops, simulators: ControlClient, authorizer_log: AuthorizerLog) -> dict[str, Judged]:
    """Each to a merchant of its own, of whom the log then says one thing."""
    tried = {name: shops.open() for name in (*JWTS, *PLACES)}

    def send(name: str) -> requests.Response:
        shop = tried[name]
        headers = PLACES[name](shop) if name in PLACES else {"Authorization": f"Bearer {JWTS[name][1](shop)}"}
        return session(stack, shop, None, BODY, origin=shop.origin, headers=headers)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        responses = dict(zip(tried, pool.map(send, tried), strict=True))
    decisions, issued = authorizer_log.decisions(), simulators.state()["chicksx"]
    assert all(len(decisions[shop.name]) == 1 for shop in tried.values())
    return {
        name: Judged(responses[name], decisions[shop.name][0], issued[shop.name]["mints"])
        for name, shop in tried.items()
    }


@pytest.mark.parametrize("name", [*JWTS, *PLACES])
def test_what_proves_nothing_is_refused(judged: dict[str, Judged], name: str) -> None:
    problem = refused_by_gateway(judged[name].response, 401, "unauthenticated")

    assert judged[name].mints == 0
    assert judged[name].response.headers["WWW-Authenticate"] == "Bearer"
    assert problem["detail"].startswith("The proof of the session is missing, expired or not valid."), "as always"


@pytest.mark.parametrize("name", [*JWTS, *PLACES])
def test_it_is_refused_for_this_and_nothing_else(judged: dict[str, Judged], name: str) -> None:
    decision = judged[name].decision

    reason = JWTS[name][0] if name in JWTS else "no Bearer token"
    assert (decision["decision"], decision["reason"]) == ("unauthorized", reason)


def test_what_all_those_were_made_of_is_good(stack: Stack, shops: Shops) -> None:
    shop = shops.open()
    now = shop.claims()["iat"]

    for number, claims in enumerate(
        (
            {},
            {"exp": now - 15},
            {"nbf": now + 15, "iat": now + 15},
            {"exp": now + DAY - 60},
            {"aud": ["another", "token-broker"]},
        )
    ):
        sid = f"checkout-{number}"
        session_token(session(stack, shop, shop.proof(sid, **claims), {"sessionId": sid}), 201)
