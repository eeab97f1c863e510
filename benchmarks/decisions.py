"""Define the measured decisions of the storefronts' authorizers: a fresh process until its first decision."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.canned_server import PROOF_KEY, Scene
from benchmarks.cases import Case

_ORIGIN = "https://shop.example"
_KEY_ID = "benchmark"
_SESSION = ("POST", "chicksx/public-tokens")


def decisions(issuer: str) -> tuple[Case, ...]:
    """Return the cases of both authorizers, each with its policy in the table and an empty cache.

    `issuer` is the address of an OIDC issuer on loopback, which publishes its keys.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    published = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": _KEY_ID, "use": "sig"}
    hs256 = {"type": "hs256", "issuer": _ORIGIN, "audience": "token-broker"}
    oidc = {"type": "oidc", "issuer": issuer, "audience": "token-broker", "jwksUri": f"{issuer}/keys"}
    return (
        Case(
            "shop-authorizer",
            "storefronts/shop_authorizer",
            "Shop authorizer, policy read",
            False,
            200,
            Scene({"policy": _policy(hs256)}),
            _event("GET", "shopify/storefront-access-token", "Origin", _ORIGIN),
        ),
        Case(
            "proof-authorizer",
            "storefronts/proof_authorizer",
            "Proof authorizer, secret read",
            False,
            200,
            Scene({"policy": _policy(hs256)}),
            _event(*_SESSION, "Authorization", f"Bearer {_proof(_ORIGIN, PROOF_KEY, 'HS256')}"),
        ),
        Case(
            "proof-authorizer-oidc",
            "storefronts/proof_authorizer",
            "Proof authorizer, keys fetched",
            False,
            200,
            Scene({"policy": _policy(oidc)}, {"/keys": {"keys": [published]}}),
            _event(*_SESSION, "Authorization", f"Bearer {_proof(issuer, key, 'RS256')}"),
        ),
    )


def _proof(issuer: str, key: str | rsa.RSAPrivateKey, algorithm: str) -> str:
    claims = {"iss": issuer, "aud": "token-broker", "sid": "benchmark", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": _KEY_ID})


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


def _policy(proof: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": {"N": "1"},
        "origins": {"L": [{"S": _ORIGIN}]},
        "anonymous": {"L": [{"S": "shopify/storefront-access-token"}]},
        "sessions": {
            "M": {
                "scopes": {"L": [{"S": "wallet.read"}]},
                "proofs": {"L": [{"M": {name: {"S": text} for name, text in proof.items()}}]},
            }
        },
    }
    return {"pk": {"S": "policy#benchmark"}, "sk": {"S": "policy"}, "revision": {"N": "1"}, "document": {"M": document}}
