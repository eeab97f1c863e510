"""Define the measured decisions of the storefronts' authorizers: a fresh process until its first decision."""

import json
import time
from typing import Any

import jwt

from benchmarks.canned_server import PROOF_KEY, Scene
from benchmarks.cases import Case

_ORIGIN = "https://shop.example"


def decisions() -> tuple[Case, ...]:
    """Return a case for both authorizers, each with its policy in the table and an empty cache."""
    return (
        Case(
            "storefronts/shop_authorizer",
            "Shop authorizer, policy read",
            False,
            200,
            _policy(),
            _event("GET", "shopify/storefront-access-token", "Origin", _ORIGIN),
        ),
        Case(
            "storefronts/proof_authorizer",
            "Proof authorizer, both read",
            False,
            200,
            _policy(),
            _event("POST", "chicksx/public-tokens", "Authorization", f"Bearer {_proof()}"),
        ),
    )


def _proof() -> str:
    claims = {"iss": _ORIGIN, "aud": "token-broker", "sid": "benchmark", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, PROOF_KEY, algorithm="HS256", headers={"kid": "benchmark"})


def _event(method: str, operation: str, header: str, value: str) -> str:
    arn = f"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/{method}/storefront/benchmark/{operation}"
    return json.dumps(
        {
            "type": "REQUEST",
            "methodArn": arn,
            "resource": f"/storefront/{{merchant}}/{operation}",
            "path": f"/storefront/benchmark/{operation}",
            "httpMethod": method,
            "headers": {header: value},
            "multiValueHeaders": {header: [value]},
            "pathParameters": {"merchant": "benchmark"},
            "requestContext": {"requestId": "7f2c1f0e-6f0c-4f52-9f5e-2c0a5f6d9b11"},
        }
    )


def _policy() -> Scene:
    proof = {name: {"S": text} for name, text in (("type", "hs256"), ("issuer", _ORIGIN), ("audience", "token-broker"))}
    document: dict[str, Any] = {
        "version": {"N": "1"},
        "origins": {"L": [{"S": _ORIGIN}]},
        "anonymous": {"L": [{"S": "shopify/storefront-access-token"}]},
        "sessions": {"M": {"scopes": {"L": [{"S": "wallet.read"}]}, "proofs": {"L": [{"M": proof}]}}},
    }
    item = {"pk": {"S": "policy#benchmark"}, "sk": {"S": "policy"}, "revision": {"N": "1"}, "document": {"M": document}}
    return Scene({"policy": item})
