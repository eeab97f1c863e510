"""Create the demo merchants: an account at each simulator, and its secret.

    demo            all three providers; Shopify with a permanent admin token
    demo-oauth      Shopify with a client id and secret, which are exchanged for a 24-hour token
    demo-classic    Shopify with the older, unversioned address
    demo-public     Shopify with the refresh token of a public app
    demo-migration  Shopify with a permanent token of the same app, which is migrated

`demo` also has a storefront: a key with which its backend signs proofs, and a trust policy that admits its page. The
first `make up` of a stack creates all credentials. It writes them to the local Secrets Manager and to the simulators,
and nowhere else.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests

from sandbox.errors import StackError
from sandbox.local_aws.clients import LocalAws
from sandbox.signed_api import Stack
from sandbox.simulators.control_client import ControlClient
from sandbox.simulators.issuer.issuer import JWKS_PATH
from sandbox.storefront import merchant_backend

_POLICY = "/merchants/demo/trust-policy"
_APPS = "shopify-app"


@dataclass(frozen=True)
class DemoSecret:
    """Hold a merchant's secret, or the secret that the merchants of one app share."""

    provider: str
    merchant: str
    fields: Mapping[str, Any]


def store_demo_accounts(aws: LocalAws, control: str, prefix: str) -> list[DemoSecret]:
    """Store every demo account and its secret, and return the secrets.

    A secret that is stored already is kept.
    """
    simulators, manager = ControlClient(control), aws.client("secretsmanager")
    stored = [_stored(manager, prefix, secret) for secret in _demo_secrets()]
    apps = {secret.merchant: secret.fields for secret in stored if secret.provider == _APPS}
    for secret in stored:
        if secret.provider != _APPS:
            simulators.put_account(secret.provider, secret.merchant, **_account(secret.fields, apps))
    return stored


def _account(fields: Mapping[str, Any], apps: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of the simulator's account. The credentials of a shared app are in a secret of their own."""
    own = {name: value for name, value in fields.items() if name not in ("app", "apiVersion")}
    return {**own, **apps.get(fields.get("app", ""), {})}


def store_demo_policy(aws: LocalAws, stack: Stack, *, shop: str, issuer: str) -> None:
    """Admit the shop at this origin: store a proof key unless there is one, and the trust policy of `demo`.

    `issuer` is the address of the simulated issuer. The policy is written by the API, as a merchant's operator would do
    it. An unchanged policy is not written. Raises `StackError`.
    """
    key = DemoSecret("storefront-proof", "demo", {})
    keys = {"keys": {"demo-1": secrets.token_urlsafe(32)}}
    _stored(aws.client("secretsmanager"), stack.described["secretPrefix"], replace(key, fields=keys))
    wanted = _demo_policy(shop, issuer)
    try:
        present = stack.call("GET", _POLICY)
        if present.status_code == 200 and present.json() == wanted:
            return
        only_if = {"If-Match": present.headers["ETag"]} if present.status_code == 200 else {"If-None-Match": "*"}
        put = stack.call("PUT", _POLICY, wanted, headers=only_if)
    except requests.RequestException as fault:
        raise StackError(f"The demo's trust policy could not be written: {type(fault).__name__}.") from None
    if not put.ok:
        raise StackError(f"The demo's trust policy was rejected with {put.status_code}: {put.text[:300]}")


def _demo_policy(shop: str, issuer: str) -> dict[str, Any]:
    return {
        "version": 1,
        "origins": [shop],
        "anonymous": ["fourthwall/public-token", "shopify/storefront-access-token"],
        "sessions": {
            "scopes": ["wallet.read", "merchant.read"],
            "proofs": [
                {"type": "hs256", "issuer": merchant_backend.ISSUER, "audience": merchant_backend.AUDIENCE},
                {"type": "oidc", "issuer": issuer, "audience": "storefront", "jwksUri": f"{issuer}{JWKS_PATH}"},
            ],
        },
    }


def _stored(manager: Any, prefix: str, secret: DemoSecret) -> DemoSecret:
    name = f"{prefix}/{secret.provider}/{secret.merchant}"
    try:
        manager.create_secret(Name=name, SecretString=json.dumps(dict(secret.fields)))
    except manager.exceptions.ResourceExistsException:
        stored = manager.get_secret_value(SecretId=name)["SecretString"]
        return replace(secret, fields=json.loads(stored))
    return secret


def _demo_secrets() -> Iterator[DemoSecret]:
    yield DemoSecret("fourthwall", "demo", {"username": f"fw_api_{_random()}", "password": _random()})
    yield DemoSecret("chicksx", "demo", {"apiKey": _random(), "clientId": _random()})
    yield DemoSecret("shopify", "demo", {"shop": "demo.myshopify.com", "adminAccessToken": f"shpat_{_random()}"})
    yield DemoSecret(
        "shopify",
        "demo-oauth",
        {"shop": "demo-oauth.myshopify.com", "clientId": _random(), "clientSecret": f"shpss_{_random()}"},
    )
    yield DemoSecret(
        "shopify",
        "demo-classic",
        {
            "shop": "demo-classic.myshopify.com",
            "adminAccessToken": f"shpat_{_random()}",
            "apiVersion": "unversioned",
        },
    )
    yield DemoSecret(_APPS, "demo-app", {"clientId": _random(), "clientSecret": f"shpss_{_random()}"})
    public = {"shop": "demo-public.myshopify.com", "app": "demo-app", "refreshToken": f"shprt_{_random()}"}
    yield DemoSecret("shopify", "demo-public", public)
    permanent = {"shop": "demo-migration.myshopify.com", "app": "demo-app", "adminAccessToken": f"shpat_{_random()}"}
    yield DemoSecret("shopify", "demo-migration", permanent)


def _random() -> str:
    return secrets.token_hex(16)
