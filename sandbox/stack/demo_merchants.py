"""Create the demo merchants: an account at each simulator, and its secret.

`sandbox/simulators/{provider}/simulator.py` declares those of a provider. `demo` is a merchant of all providers.

`demo` also has a storefront: a key with which its backend signs proofs, and a trust policy that admits its page. The
first `make up` of a stack creates all credentials. It writes them to the local Secrets Manager and to the simulators,
and nowhere else.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import requests

from sandbox.errors import StackError
from sandbox.local_aws.clients import LocalAws
from sandbox.signed_api import Stack
from sandbox.simulators.control_client import ControlClient
from sandbox.simulators.descriptor import DemoSecret, providers
from sandbox.simulators.issuer.issuer import JWKS_PATH
from sandbox.storefront import merchant_backend

_POLICY = "/merchants/demo/trust-policy"
#: The folder of a secret that the merchants of one app share ends so.
_SHARED = "-app"


def store_demo_accounts(aws: LocalAws, control: str, prefix: str) -> list[DemoSecret]:
    """Store every demo account and its secret, and return the secrets.

    A secret that is stored already is kept.
    """
    simulators, manager = ControlClient(control), aws.client("secretsmanager")
    declared = [secret for each in providers().values() for secret in each.demo_secrets()]
    stored = [_stored(manager, prefix, secret) for secret in declared]
    apps = {secret.name: secret.fields for secret in stored if secret.folder.endswith(_SHARED)}
    for secret in stored:
        if not secret.folder.endswith(_SHARED):
            simulators.put_account(secret.folder, secret.name, **_account(secret.fields, apps))
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
    keys = DemoSecret("storefront-proof", "demo", {"keys": {"demo-1": secrets.token_urlsafe(32)}})
    _stored(aws.client("secretsmanager"), stack.described["secretPrefix"], keys)
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
        "shop": {
            "proofs": [{"type": "hs256", "issuer": merchant_backend.ISSUER, "audience": merchant_backend.AUDIENCE}]
        },
    }


def _stored(manager: Any, prefix: str, secret: DemoSecret) -> DemoSecret:
    name = f"{prefix}/{secret.folder}/{secret.name}"
    try:
        manager.create_secret(Name=name, SecretString=json.dumps(dict(secret.fields)))
    except manager.exceptions.ResourceExistsException:
        stored = manager.get_secret_value(SecretId=name)["SecretString"]
        return replace(secret, fields=json.loads(stored))
    return secret
