"""The demo merchants: an account at each simulator, and the secret that opens it.

    demo          all three providers; Shopify with a permanent admin token
    demo-oauth    Shopify with a client id and secret, which buy a 24-hour token
    demo-classic  Shopify with the older, unversioned address

The credentials are made by the first `make up` of a stack, written to the local Secrets Manager and to the
simulators, and nowhere else.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.simulators.control_client import ControlClient
from sandbox.stack.aws import LocalAws


@dataclass(frozen=True)
class DemoSecret:
    """A merchant's secret; the simulator's account has the same fields but `apiVersion`."""

    provider: str
    merchant: str
    fields: Mapping[str, str]


def store_demo_accounts(aws: LocalAws, control: str, prefix: str) -> list[DemoSecret]:
    """Every demo account with its secret: the one that is stored already, else a new one."""
    simulators, manager = ControlClient(control), aws.client("secretsmanager")
    kept = [_kept(manager, prefix, secret) for secret in _demo_secrets()]
    for secret in kept:
        account = {name: value for name, value in secret.fields.items() if name != "apiVersion"}
        simulators.put_account(secret.provider, secret.merchant, **account)
    return kept


def _kept(manager: Any, prefix: str, secret: DemoSecret) -> DemoSecret:
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


def _random() -> str:
    return secrets.token_hex(16)
