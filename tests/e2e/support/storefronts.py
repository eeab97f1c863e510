"""Merchants with storefronts, what their pages and apps send, and what every answer to them must look like."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import requests

from sandbox.local_stack import Stack
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.raw_http import send_unsigned
from tests.e2e.support.responses import checked_token, problem_of, token_of
from tests.e2e.support.routes import STOREFRONT_CHICKSX
from token_broker_client import TokenBroker

AUDIENCE = "token-broker"
KID = "first"
SCOPES = ("wallet.read", "merchant.read")
ANONYMOUS = ("fourthwall/public-token", "shopify/storefront-access-token")
EXPOSED = "Date, ETag, Retry-After, X-Request-Id, x-amzn-RequestId"

type Document = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """One merchant with one storefront; `key` is the HS256 key that its backend signs proofs with."""

    name: str
    key: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Of the storefront's pages; also how its backend calls itself in proofs."""
        return f"https://{self.name}.example"

    def policy(self, **members: object) -> Document:
        """All that can be allowed; a member of None is left out."""
        document = {
            "version": 1,
            "origins": [self.origin],
            "anonymous": list(ANONYMOUS),
            "sessions": self.sessions(),
            "shop": self.clients(),
            **members,
        }
        return {name: value for name, value in document.items() if value is not None}

    def sessions(self, *more_proofs: Document) -> Document:
        """Return the policy's `sessions` member with the shop's own proofs and further ones."""
        own = {"type": "hs256", "issuer": self.origin, "audience": AUDIENCE}
        return {"scopes": list(SCOPES), "proofs": [own, *more_proofs]}

    def clients(self, *more_proofs: Document) -> Document:
        """Return the policy's `shop` member with the same proof of the backend and further ones."""
        return {"proofs": [{"type": "hs256", "issuer": self.origin, "audience": AUDIENCE}, *more_proofs]}

    def client_proof(self, **claims: object) -> str:
        """Return the backend's signed claims for one of its servers or apps, which name the shop and no session."""
        now = int(time.time())
        usual = {"iss": self.origin, "aud": AUDIENCE, "sub": "shop", "iat": now, "exp": now + 300}
        return jwt.encode({**usual, **claims}, self.key, "HS256", headers={"kid": KID})

    def proof(self, session_id: str = "checkout-1", *, kid: str = KID, **claims: object) -> str:
        """Return the backend's signed claims about a visitor's session."""
        now = int(time.time())
        usual = {"iss": self.origin, "aud": AUDIENCE, "sid": session_id, "iat": now, "exp": now + 300}
        return jwt.encode({**usual, **claims}, self.key, "HS256", headers={"kid": kid})


@dataclass
class Shops:
    """Makes them."""

    broker: TokenBroker
    merchants: Merchants

    def open(self, **members: object) -> Shop:
        """With a trust policy: what `Shop.policy` says, with these members."""
        shop = self.closed()
        self.put_policy(shop, shop.policy(**members))
        return shop

    def closed(self) -> Shop:
        """Without a trust policy, and with an account at each provider."""
        name = f"store-{secrets.token_hex(4)}"
        for provider, credentials in _credentials(name).items():
            self.merchants.values |= set(credentials.values()) - {f"{name}.myshopify.com"}
            self.merchants.control.put_account(provider, name, **credentials)
            self.merchants.store(provider, name, json.dumps(credentials))
        shop = Shop(name, secrets.token_hex(24))
        self.merchants.values.add(shop.key)
        self.merchants.store("storefront-proof", name, json.dumps({"keys": {KID: shop.key}}))
        return shop

    def put_policy(self, shop: Shop, document: Document) -> None:
        """By the route."""
        self.broker.merchant(shop.name).trust_policy.put(document)


def _credentials(name: str) -> dict[str, dict[str, str]]:
    def random() -> str:
        return secrets.token_hex(16)

    return {
        "fourthwall": {"username": f"fw_api_{random()}", "password": random()},
        "chicksx": {"apiKey": random(), "clientId": random()},
        "shopify": {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{random()}"},
    }


def page(
    stack: Stack, path: str, origin: str | None, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> requests.Response:
    """Send a request as a page does. The path follows `apiUrl`."""
    sent = {**({} if origin is None else {"Origin": origin}), **(headers or {})}
    return send_unsigned(stack, method, path, headers=sent)


def session(
    stack: Stack, shop: Shop, proof: str | None, body: object, *, origin: str | None = None
) -> requests.Response:
    """Ask for a session's token, as a page does or, without an origin, as an app."""
    headers = {"Origin": origin, "Authorization": None if proof is None else f"Bearer {proof}"}
    sent = {name: value for name, value in headers.items() if value is not None}
    return send_unsigned(stack, "POST", STOREFRONT_CHICKSX.format(merchant=shop.name), body, sent)


def client(
    stack: Stack, path: str, proof: str | None, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> requests.Response:
    """One call as a server or a native app makes it."""
    proven = {} if proof is None else {"Authorization": f"Bearer {proof}"}
    return page(stack, path, None, method=method, headers={**proven, **(headers or {})})


def client_token(response: requests.Response) -> dict[str, Any]:
    """Return a client's shop token after checking that its own cache may keep it and no page may read it."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "private, max-age=30"
    assert response.headers["Vary"] == "Authorization"
    assert response.headers["ETag"]
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    return checked_token(response.json())


def page_token(response: requests.Response, origin: str) -> dict[str, Any]:
    """Return a page's shop token after checking its short browser cache time and its single origin."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "public, max-age=30"
    assert response.headers["ETag"]
    assert response.headers["Date"], "a page counts the token's life from it"
    readable_by(response, origin)
    return checked_token(response.json())


def session_token(response: requests.Response, status: int, origin: str | None = None) -> dict[str, Any]:
    """Return a session's token after checking that no cache may keep it."""
    token = token_of(response, status)
    assert "ETag" not in response.headers
    readable_by(response, origin)
    return token


def refused_by_function(
    response: requests.Response, status: int, code: str, origin: str | None = None
) -> dict[str, Any]:
    """Return the function's problem after checking that it contains nothing from the provider."""
    problem = problem_of(response, status, code)
    assert "provider" not in problem
    assert response.headers["X-Request-Id"] == problem["requestId"]
    readable_by(response, origin)
    return problem


def refused_by_gateway(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return the gateway's or authorizer's problem after checking that any page may read it."""
    problem = problem_of(response, status, code)
    assert "X-Request-Id" not in response.headers
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Expose-Headers"] == "Date,Retry-After,x-amzn-RequestId"
    assert response.headers["Date"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    return problem


def readable_by(response: requests.Response, origin: str | None) -> None:
    """By pages of this origin and no other; None: by no page at all."""
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Vary"] == "Origin"
    assert response.headers.get("Access-Control-Allow-Origin") == origin
    assert response.headers.get("Access-Control-Expose-Headers") == (None if origin is None else EXPOSED)
