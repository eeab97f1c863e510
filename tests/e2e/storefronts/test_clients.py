"""A shop's token for a server or a native app without AWS: by a proof that the policy accepts, and by no other."""

import time

import jwt
import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.conftest import AuthorizerLog
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import (
    CLIENT_FOURTHWALL,
    CLIENT_SHOPIFY,
    FOURTHWALL,
    SHOPIFY_CURRENT,
    STOREFRONT_SHOPIFY,
    TRUST_POLICY,
)
from tests.e2e.support.storefronts import (
    Document,
    Shop,
    Shops,
    client,
    client_token,
    page,
    refused_by_gateway,
    session,
)

ISSUER, AUDIENCE, OWNER = "https://oidc.vercel.example", "https://vercel.example/acme", "team_acme"
BODY = {"sessionId": "checkout-1"}


@pytest.mark.parametrize(
    ("path", "method", "backend"),
    [(CLIENT_FOURTHWALL, "PUT", FOURTHWALL), (CLIENT_SHOPIFY, "GET", SHOPIFY_CURRENT)],
    ids=["fourthwall", "shopify"],
)
def test_a_client_gets_the_token_that_the_backend_gets_though_no_page_does(
    stack: Stack, control: ControlClient, shops: Shops, path: str, method: str, backend: str
) -> None:
    shop = shops.open(origins=[], anonymous=None, sessions=None)
    url = path.format(merchant=shop.name)

    first = client(stack, url, shop.client_proof())
    token = client_token(first)
    again = client(stack, url, shop.client_proof(), headers={"If-None-Match": first.headers["ETag"]})

    assert (token["merchant"], token["subject"]) == (shop.name, "shop")
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert token_of(stack.call(method, backend.format(merchant=shop.name))) == token
    refused_by_gateway(page(stack, url.replace("/clients/", "/storefront/"), shop.origin), 403, "forbidden")
    assert len(control.requests(token["provider"])) == 1, "one token for all"


def test_a_page_cannot_call_it(stack: Stack, shops: Shops) -> None:
    """Its Authorization header needs a preflight, and there is none. An answer names no origin."""
    shop = shops.open()
    url = CLIENT_SHOPIFY.format(merchant=shop.name)
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}

    preflight = page(stack, url, shop.origin, method="OPTIONS", headers=asked)

    assert preflight.status_code in (401, 403)
    client_token(client(stack, url, shop.client_proof(), headers={"Origin": shop.origin}))


def test_what_proves_nothing_is_401_without_a_word_about_what_was_wrong(
    stack: Stack, control: ControlClient, shops: Shops, authorizer_log: AuthorizerLog
) -> None:
    """The many more forms are tried in tests/unit/proofs."""
    shop, other, closed = shops.open(), shops.open(), shops.open(shop=None)
    url = CLIENT_SHOPIFY.format(merchant=shop.name)
    header, _, signature = shop.client_proof().split(".")
    said = {"iss": shop.origin, "aud": "token-broker", "exp": int(time.time()) + 300}
    wrong = {
        "bad_signature": ".".join((header, shop.client_proof(exp=4102444800).split(".")[1], signature)),
        "expired": shop.client_proof(exp=1),
        "wrong_algorithm": jwt.encode(said, "", "none"),
        "wrong_audience": shop.client_proof(aud="another-service"),
        "unknown_issuer": other.client_proof(),
        "for_a_session": shop.proof(),
    }

    for proof in (*wrong.values(), None):
        problem = refused_by_gateway(client(stack, url, proof), 401, "unauthenticated")
        assert problem["detail"].startswith("The proof is missing, expired or not valid.")
    refused_by_gateway(session(stack, shop, shop.client_proof(), BODY), 401, "unauthenticated")
    for merchant, proof in ((closed.name, closed.client_proof()), ("nobody", shop.client_proof())):
        refused = client(stack, CLIENT_SHOPIFY.format(merchant=merchant), proof)
        refused_by_gateway(refused, 401, "unauthenticated")

    lines = authorizer_log.decisions()[shop.name]
    told = [line["reason"] for line in lines if line["entry_point"] == "client"]
    assert told[: len(wrong)] == list(wrong)
    assert {line["decision"] for line in lines} == {"unauthorized"}
    assert control.requests() == []


# An OIDC issuer of many owners


@pytest.fixture
def shop(shops: Shops, issuer: str) -> Shop:
    """Return a merchant that trusts one owner of the issuer."""
    shop = shops.closed()
    shops.put_policy(shop, shop.policy(shop=shop.clients(rule(shop, issuer))))
    return shop


def rule(shop: Shop, issuer: str) -> Document:
    return {
        "type": "oidc",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwksUri": f"{issuer}/.well-known/jwks.json?shop={shop.name}",
        "claims": {"owner_id": OWNER},
    }


def signed(control: ControlClient, kid: str, **changes: object) -> str:
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300, "owner_id": OWNER}
    text: str = control.sign({**usual, **changes}, kid=kid)
    return text


def test_a_token_of_the_owner_opens_the_shop_and_one_of_another_owner_does_not(
    stack: Stack, control: ControlClient, shop: Shop
) -> None:
    url = CLIENT_SHOPIFY.format(merchant=shop.name)
    kid = control.rotate_issuer_key(alg="RS256", published=True)
    try:
        for changes in ({"owner_id": "team_evil"}, {"owner_id": None}, {"aud": "https://vercel.example/evil"}):
            refused_by_gateway(client(stack, url, signed(control, kid, **changes)), 401, "unauthenticated")
        assert control.requests("shopify") == []

        assert client_token(client(stack, url, signed(control, kid)))["merchant"] == shop.name
        refused_by_gateway(session(stack, shop, signed(control, kid, sid="s-1"), BODY), 401, "unauthenticated")
        path = STOREFRONT_SHOPIFY.format(merchant=shop.name)
        bearer = {"Authorization": f"Bearer {signed(control, kid)}"}
        refused_by_gateway(page(stack, path, None, headers=bearer), 403, "forbidden")
    finally:
        control.withdraw_issuer_key(kid)


def test_a_policy_that_names_no_owner_is_refused(stack: Stack, shops: Shops, issuer: str) -> None:
    shop = shops.closed()
    nobodys = [{**rule(shop, issuer), "claims": claims} for claims in ({}, {"aud": AUDIENCE}, {"iss": ISSUER})]

    for proof in nobodys:
        response = stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), shop.policy(shop={"proofs": [proof]}))
        problem = problem_of(response, 400, "invalid_request")
        assert "names the token's owner" in problem["detail"]
