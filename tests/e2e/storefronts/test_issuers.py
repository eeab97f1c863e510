"""Proofs by an OIDC issuer: whose keys count, where they may be fetched, and what an issuer can do to the broker."""

import base64
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.support.authorizer_log import AuthorizerLog
from tests.e2e.storefronts.support.merchant_shops import Document, Shop, Shops
from tests.e2e.storefronts.support.proof_tokens import hs256
from tests.e2e.storefronts.support.storefront_requests import session
from tests.e2e.storefronts.support.storefront_responses import refused_by_function, refused_by_gateway, session_token
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import TRUST_POLICY
from tests.e2e.support.waiting import wait_until

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

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

    def rule(self, shop: Shop, **members: object) -> Document:
        """Return the member of the merchant's policy that trusts the issuer."""
        usual = {
            "type": "oidc",
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "sessionClaim": SESSION_CLAIM,
            "jwksUri": self.jwks_uri(shop),
            "claims": {"shop": shop.name},
        }
        return {**usual, **members}

    def claims(self, merchant: Shop, session_id: str = "checkout-1", **changes: object) -> dict[str, Any]:
        """Return the issuer's claims about a visitor."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "visitor-1", "iat": now, "exp": now + 300}
        return {**usual, SESSION_CLAIM: session_id, "shop": merchant.name, **changes}

    def fetches(self) -> list[dict[str, Any]]:
        """Every request that it has seen."""
        return self.control.requests("issuer")

    @contextmanager
    def key(self, alg: str = "RS256", *, published: bool = True) -> Iterator[str]:
        """Yield the kid of a new key, and withdraw the key afterwards to keep the key set small."""
        kid = self.control.rotate_issuer_key(alg=alg, published=published)
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
def test_an_issuers_proof_gets_the_sessions_token(stack: Stack, shop: Shop, login: Login, alg: str) -> None:
    with login.key(alg) as kid:
        proof = login.control.sign(login.claims(shop), kid=kid)
        response = session(stack, shop, proof, BODY, origin=shop.origin)

    assert session_token(response, 201, shop.origin)["subject"] == "session:checkout-1"
    [fetch] = login.fetches()
    assert (fetch["method"], fetch["path"]) == ("GET", login.jwks_uri(shop).removeprefix(login.address))
    assert not {"authorization", "cookie"} & set(fetch["headers"])


def test_both_ways_to_prove_a_session_stand_beside_each_other(stack: Stack, shop: Shop, login: Login) -> None:
    session_token(session(stack, shop, shop.proof(), BODY), 201)
    assert login.fetches() == [], "the backend's own proof asks no issuer"

    with login.key() as kid:
        session_token(session(stack, shop, login.control.sign(login.claims(shop), kid=kid), BODY), 200)


def test_keys_once_fetched_are_kept_and_an_outage_of_the_issuer_is_none_here(
    stack: Stack, shop: Shop, login: Login
) -> None:
    with login.key() as kid:
        session_token(session(stack, shop, login.control.sign(login.claims(shop), kid=kid), BODY), 201)
        assert len(login.fetches()) == 1
        login.control.fault("issuer", "status", status=500, times=100)

        for number in range(3):
            sid = f"outage-{number}"
            proof = login.control.sign(login.claims(shop, sid), kid=kid)
            session_token(session(stack, shop, proof, {"sessionId": sid}), 201)

    assert len(login.fetches()) == 1


def test_a_new_key_is_picked_up_and_a_withdrawn_one_is_forgotten(stack: Stack, shop: Shop, login: Login) -> None:
    with login.key() as first:
        old = login.control.sign(login.claims(shop), kid=first)
        session_token(session(stack, shop, old, BODY), 201)
        time.sleep(1.1)  # a set younger than a second was fetched for this very proof, and is not fetched again

        with login.key("ES256") as second:
            login.control.withdraw_issuer_key(first)
            session_token(session(stack, shop, login.control.sign(login.claims(shop), kid=second), BODY), 200)
            assert len(login.fetches()) == 2
            session_token(session(stack, shop, login.control.sign(login.claims(shop), kid=second), BODY), 200)
            refused_by_gateway(session(stack, shop, old, BODY), 401, "unauthenticated")


def test_a_key_that_is_not_published_is_none(stack: Stack, shop: Shop, login: Login) -> None:
    with login.key(published=False) as kid:
        response = session(stack, shop, login.control.sign(login.claims(shop), kid=kid), BODY)

    refused_by_gateway(response, 401, "unauthenticated")
    assert login.control.requests("chicksx") == []


@pytest.mark.parametrize("form", ["PEM", "DER", "the modulus in its JWK"])
def test_the_issuers_public_key_is_no_secret_to_sign_with(
    stack: Stack, shop: Shop, login: Login, authorizer_log: AuthorizerLog, form: str
) -> None:
    with login.key() as kid:
        [pem] = [key["publicPem"] for key in login.control.issuer_keys() if key["kid"] == kid]
        der = base64.b64decode("".join(pem.splitlines()[1:-1]))
        jwks = requests.get(login.jwks_uri(shop), timeout=10).json()["keys"]
        [modulus] = [key["n"] for key in jwks if key["kid"] == kid]
        keys = {"PEM": pem, "DER": der, "the modulus in its JWK": modulus}

        response = session(stack, shop, hs256(login.claims(shop), keys[form], kid=kid), BODY)

    refused_by_gateway(response, 401, "unauthenticated")
    assert authorizer_log.decisions()[shop.name][-1]["reason"] == "wrong_algorithm"
    assert login.control.requests("chicksx") == []


def test_the_keys_of_one_way_count_for_no_other(stack: Stack, shop: Shop, login: Login) -> None:
    """The merchant's backend cannot speak for the issuer, nor the issuer for the backend."""
    with login.key() as kid:
        as_issuer = hs256(login.claims(shop), shop.key, kid="first")
        as_backend = login.control.sign(shop.claims(), kid=kid)
        for proof in (as_issuer, as_backend):
            refused_by_gateway(session(stack, shop, proof, BODY), 401, "unauthenticated")

    assert login.control.requests("chicksx") == []


def test_a_visitor_of_one_merchant_is_none_of_another_with_the_same_issuer(
    stack: Stack, shops: Shops, shop: Shop, login: Login
) -> None:
    other = shops.closed()
    shops.put_policy(other, other.policy(sessions=other.sessions(login.rule(other))))

    with login.key() as kid:
        refused_by_gateway(
            session(stack, other, login.control.sign(login.claims(shop), kid=kid), BODY), 401, "unauthenticated"
        )
        assert login.control.requests("chicksx") == []
        # In a list it counts, too: this visitor belongs to both.
        both = login.control.sign(login.claims(shop, shop=[shop.name, other.name]), kid=kid)
        for each in (shop, other):
            session_token(session(stack, each, both, BODY), 201)


@pytest.mark.parametrize(
    ("required", "said"),
    [(True, 1), ("staff", ["visitor", ["staff"]])],
    ids=["true is not 1", "a list in a list"],
)
def test_a_required_claim_must_be_equal_in_type_and_value(
    stack: Stack, shops: Shops, login: Login, required: Any, said: Any
) -> None:
    shop = shops.closed()
    rule = login.rule(shop, claims={"role": required})
    shops.put_policy(shop, shop.policy(sessions=shop.sessions(rule)))

    with login.key() as kid:
        proof = login.control.sign(login.claims(shop, role=said), kid=kid)
        refused_by_gateway(session(stack, shop, proof, BODY), 401, "unauthenticated")

    assert login.control.requests("chicksx") == []


# ------------------------------------------------------------------------------------------- an issuer that does harm

FAULTS: dict[str, tuple[str, dict[str, object]]] = {
    "huge": ("jwks_too_large", {"kind": "huge", "bytes": 1024 * 1024, "chunked": True}),
    "slow": ("jwks_timed_out", {"kind": "slow_drip", "secondsPerByte": 0.1}),
    "redirecting": ("jwks_wrong_status", {"kind": "redirect"}),
    "cut off": ("jwks_interrupted", {"kind": "drop_before_acting"}),
}


@pytest.mark.parametrize(("reason", "fault"), FAULTS.values(), ids=FAULTS)
def test_without_the_issuers_keys_nothing_can_be_said_of_a_proof(
    stack: Stack, shop: Shop, login: Login, authorizer_log: AuthorizerLog, reason: str, fault: dict[str, Any]
) -> None:
    """The visitor is told to come again, and learns nothing; nobody waits for long, and no redirect is followed."""
    with login.key() as kid:
        proof = login.control.sign(login.claims(shop), kid=kid)
        login.control.fault("issuer", **fault)

        response = session(stack, shop, proof, BODY, origin=shop.origin)

        refused_by_gateway(response, 503, "storage_unavailable")
        [line] = authorizer_log.decisions()[shop.name]
        assert (line["decision"], line["causes"]) == ("none", [f"keys: {reason}"]), "the authorizer's own words"
        assert not [fetch for fetch in login.fetches() if "redirected" in fetch["path"]]
        assert login.control.requests("chicksx") == []


def test_an_issuer_that_comes_back_is_believed_again(stack: Stack, shop: Shop, login: Login) -> None:
    with login.key() as kid:
        proof = login.control.sign(login.claims(shop), kid=kid)
        login.control.fault("issuer", "status", status=503)

        refused_by_gateway(session(stack, shop, proof, BODY), 503, "storage_unavailable")
        # A process that saw it fail leaves it alone for five seconds.
        wait_until(lambda: session(stack, shop, proof, BODY).status_code == 201, "the issuer is believed")


# ------------------------------------------------------------------------------------------------ where keys may be


def addresses(port: int) -> dict[str, str]:
    """Addresses of this machine and of other places that are not the public Internet."""
    return {
        "another loopback port": f"http://127.0.0.1:{port}/jwks",
        "localhost": f"http://localhost:{port}/jwks",
        "a name under localhost": f"http://login.localhost:{port}/jwks",
        "loopback by https": f"https://127.0.0.1:{port}/jwks",
        "loopback, shortened": f"http://127.1:{port}/jwks",
        "loopback as a number": f"http://2130706433:{port}/jwks",
        "loopback in octal": f"http://0177.0.0.1:{port}/jwks",
        "loopback in hex": f"https://0x7f000001:{port}/jwks",
        "any address": f"http://0.0.0.0:{port}/jwks",
        "IPv6 loopback": f"http://[::1]:{port}/jwks",
        "IPv4 in IPv6": f"https://[::ffff:127.0.0.1]:{port}/jwks",
        "the cloud's metadata": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "the cloud's metadata by https": "https://169.254.169.254/latest/meta-data",
        "the functions' own runtime": "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "a private network": "https://10.0.0.1/jwks",
        "another private network": "https://192.168.1.1/jwks",
        "a private name": "https://login.internal/jwks",
        "a name of the local network": "https://printer.local/jwks",
        "a single word": "https://login/jwks",
        "a public address": "https://93.184.215.14/jwks",
        "another port": f"https://login.example:{port}/jwks",
        "a user's name": f"https://login.example@127.0.0.1:{port}/jwks",
        "a backslash": f"https://login.example\\@127.0.0.1:{port}/jwks",
        "a file": "file:///etc/passwd",
        "no TLS": "http://login.example/jwks",
        "a dot at its end": "https://localhost./jwks",
    }


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listen on a loopback port that a policy may name and that nothing may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        yield listening


def knocked(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_the_route_takes_no_address_of_keys_but_a_public_one(
    stack: Stack, shops: Shops, login: Login, issuer: str, listener: socket.socket
) -> None:
    shop = shops.closed()
    port = listener.getsockname()[1]
    wrong = {
        **addresses(port),
        "the issuer by another name": issuer.replace("127.0.0.1", "localhost") + "/jwks",
        "the issuer's port and more digits": f"{issuer}0/jwks",
        "the issuer as a user's name": f"{issuer}@127.0.0.1:{port}/jwks",
    }

    for what, uri in wrong.items():
        document = shop.policy(sessions=shop.sessions(login.rule(shop, jwksUri=uri)))
        response = stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), document)
        assert response.status_code == 400, what
        detail = problem_of(response, 400, "invalid_request")["detail"]
        assert "'sessions.proofs[1].jwksUri'" in detail, what
        assert uri not in detail, what

    assert stack.call("GET", TRUST_POLICY.format(merchant=shop.name)).status_code == 404
    assert not knocked(listener)


@pytest.mark.parametrize("what", ["another loopback port", "loopback by https"])
def test_an_address_that_no_route_would_have_stored_is_never_asked(
    stack: Stack, shops: Shops, login: Login, listener: socket.socket, what: str
) -> None:
    shop = shops.closed()
    uri = addresses(listener.getsockname()[1])[what]
    shops.smuggle_policy(shop, shop.policy(sessions=shop.sessions(login.rule(shop, jwksUri=uri))))

    with login.key() as kid:
        response = session(stack, shop, login.control.sign(login.claims(shop), kid=kid), BODY)

    refused_by_gateway(response, 401, "unauthenticated")
    assert not knocked(listener)
    assert login.fetches() == []
    assert login.control.requests("chicksx") == []


def test_the_listener_would_have_heard_it(listener: socket.socket) -> None:
    socket.create_connection(listener.getsockname(), timeout=5).close()

    assert knocked(listener)


def test_the_function_takes_no_other_session_from_an_issuer_either(stack: Stack, shop: Shop, login: Login) -> None:
    with login.key() as kid:
        response = session(stack, shop, login.control.sign(login.claims(shop), kid=kid), {"sessionId": "visitor-1"})

    refused_by_function(response, 403, "forbidden")
