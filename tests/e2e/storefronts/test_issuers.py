"""Proofs by an OIDC issuer: whose keys count, and what an issuer can do to the broker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.conftest import AuthorizerLog
from tests.e2e.support.storefronts import (
    Document,
    Shop,
    Shops,
    refused_by_function,
    refused_by_gateway,
    session,
    session_token,
)
from tests.e2e.support.waiting import wait_until

ISSUER, AUDIENCE = "https://login.example", "storefront"
SESSION_CLAIM = "https://shop.example/session"
BODY = {"sessionId": "checkout-1"}


@dataclass(frozen=True)
class Login:
    """The simulated issuer, as a merchant's storefront uses it."""

    control: ControlClient
    address: str

    def jwks_uri(self, shop: Shop) -> str:
        """Return a key set address that is unique to this merchant, so that it is in no cache yet."""
        return f"{self.address}/.well-known/jwks.json?shop={shop.name}"

    def rule(self, shop: Shop) -> Document:
        """Return the member of the merchant's policy that trusts the issuer."""
        return {
            "type": "oidc",
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "sessionClaim": SESSION_CLAIM,
            "jwksUri": self.jwks_uri(shop),
            "claims": {"shop": shop.name},
        }

    def proof(self, shop: Shop, kid: str, **changes: object) -> str:
        """Return the issuer's signed claims about a visitor."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "visitor-1", "iat": now, "exp": now + 300}
        claims = {**usual, SESSION_CLAIM: BODY["sessionId"], "shop": shop.name, **changes}
        signed: str = self.control.sign(claims, kid=kid)
        return signed

    @contextmanager
    def key(self, alg: str = "RS256") -> Iterator[str]:
        """Yield the kid of a new key, and withdraw the key afterwards to keep the key set small."""
        kid = self.control.rotate_issuer_key(alg=alg, published=True)
        try:
            yield kid
        finally:
            self.control.withdraw_issuer_key(kid)


@pytest.fixture
def login(control: ControlClient, issuer: str) -> Login:
    return Login(control, issuer)


@pytest.fixture
def shop(shops: Shops, login: Login) -> Shop:
    """Return a merchant that trusts the issuer and its own backend."""
    shop = shops.closed()
    shops.put_policy(shop, shop.policy(sessions=shop.sessions(login.rule(shop))))
    return shop


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_an_issuers_proof_gets_the_sessions_token_and_no_other(
    stack: Stack, shops: Shops, shop: Shop, login: Login, alg: str
) -> None:
    with login.key(alg) as kid:
        proof = login.proof(shop, kid)
        response = session(stack, shop, proof, BODY, origin=shop.origin)
        refused_by_function(session(stack, shop, proof, {"sessionId": "visitor-1"}), 403, "forbidden")
        anothers = login.proof(shops.closed(), kid)  # a visitor of another merchant with the same issuer
        refused_by_gateway(session(stack, shop, anothers, BODY), 401, "unauthenticated")

    assert session_token(response, 201, shop.origin)["subject"] == "session:checkout-1"
    [fetch] = login.control.requests("issuer")
    assert (fetch["method"], fetch["path"]) == ("GET", login.jwks_uri(shop).removeprefix(login.address))
    assert not {"authorization", "cookie"} & set(fetch["headers"])


def test_a_new_key_is_picked_up_and_a_withdrawn_one_is_forgotten(stack: Stack, shop: Shop, login: Login) -> None:
    session_token(session(stack, shop, shop.proof(), BODY), 201)
    assert login.control.requests("issuer") == [], "the backend's own proof asks no issuer"
    with login.key() as first:
        old = login.proof(shop, first)
        session_token(session(stack, shop, old, BODY), 200)
        time.sleep(1.1)  # a set younger than a second was fetched for this very proof, and is not fetched again

        with login.key("ES256") as second:
            login.control.withdraw_issuer_key(first)
            for _ in range(2):
                session_token(session(stack, shop, login.proof(shop, second), BODY), 200)
            assert len(login.control.requests("issuer")) == 2
            refused_by_gateway(session(stack, shop, old, BODY), 401, "unauthenticated")


#: What is logged of each fault of the issuer; the fetch itself is tried in tests/contract.
FAULTS: dict[str, dict[str, object]] = {
    "jwks_timed_out": {"kind": "slow_drip", "secondsPerByte": 0.1},
    "jwks_wrong_status": {"kind": "redirect"},
}


@pytest.mark.parametrize(("reason", "fault"), FAULTS.items(), ids=FAULTS)
def test_without_the_issuers_keys_nothing_can_be_said_of_a_proof(
    stack: Stack, shop: Shop, login: Login, authorizer_log: AuthorizerLog, reason: str, fault: dict[str, Any]
) -> None:
    """The visitor is told to come again, and learns nothing; nobody waits for long, and no redirect is followed."""
    with login.key() as kid:
        proof = login.proof(shop, kid)
        login.control.fault("issuer", **fault)

        refused_by_gateway(session(stack, shop, proof, BODY, origin=shop.origin), 503, "storage_unavailable")

        [line] = authorizer_log.decisions()[shop.name]
        assert (line["decision"], line["causes"]) == ("none", [f"keys: {reason}"]), "the authorizer's own words"
        assert not [fetch for fetch in login.control.requests("issuer") if "redirected" in fetch["path"]]
        assert login.control.requests("chicksx") == []
        login.control.forget_faults()
        # A process that saw it fail leaves it alone for five seconds.
        wait_until(lambda: session(stack, shop, proof, BODY).status_code == 201, "the issuer is believed again")
