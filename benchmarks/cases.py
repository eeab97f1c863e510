"""Define the measured cases: each function's first response, once for each way to produce it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.canned_server import Scene
from benchmarks.paths import EVENTS

_HOUR = 60 * 60


@dataclass(frozen=True)
class Case:
    """Describe a case.

    `key` names it in the results, and `title` is for people. `function` is its folder below functions/. `status` is the
    expected one. `loads_requests` says whether its process may load requests.
    """

    key: str
    function: str
    title: str
    loads_requests: bool
    status: int
    scene: Scene = field(repr=False)
    event: str = field(repr=False)


def _event(function: str) -> Any:
    """Return the function's own example event, without the header that skips the cache."""
    event = json.loads((EVENTS / function / "api.json").read_text())
    for headers in ("headers", "multiValueHeaders"):
        event[headers] = {name: value for name, value in event[headers].items() if name.lower() != "cache-control"}
    return event


def _stored(key: str, function: str, title: str, scene: Scene) -> Case:
    return Case(key, function, f"{title}, from table", False, 200, scene, json.dumps(_event(function)))


def _asked(key: str, function: str, title: str, status: int, scene: Scene) -> Case:
    return Case(key, function, title, True, status, scene, json.dumps(_event(function)))


def _text(**values: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in values.items()}


def _token(provider: str, subject: str, token_id: str, **more: Mapping[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {
        **_text(provider=provider, merchant="benchmark", subject=subject, tokenId=token_id, title="Token Broker"),
        **_text(accessToken="0" * 32, fingerprint="84e0c0eafaa9", tokenType="access_token", state="current"),
        **_text(origin="broker", requestedBy="arn:aws:iam::123456789012:user/benchmark"),
        "scopes": {"L": [{"S": "unauthenticated_read_product_listings"}]},
        "issuedAt": {"N": str(now - _HOUR)},
        "use": {"M": _text(**{"in": "header", "name": "X-Shopify-Storefront-Access-Token"})},
        "providerData": {"M": _text(created_at="2026-11-21T10:00:00-05:00")},
        **more,
    }


def _shop(provider: str, token_id: str) -> Scene:
    current = {"M": _token(provider, "shop", token_id)}
    checked = {"N": str(int(time.time()) - _HOUR)}
    item = {**_text(pk=f"{provider}#benchmark", sk="subject#shop"), "current": current, "checkedAt": checked}
    return Scene({"subject#shop": {**item, "fence": {"N": "1"}}})


def cases() -> tuple[Case, ...]:
    """Return a case for every function's cheapest first response, and for the most expensive one if it differs.

    The table always has the stack's own name, as it has from the first mint on.
    """
    name = {**_text(pk="broker", sk="id", brokerId="abcdefgh")}
    new = Scene({"id": name})
    token_id = _event("shopify/delete_storefront_access_token")["pathParameters"]["tokenId"]
    record = {**_text(pk="shopify#benchmark", sk=f"token#{token_id}"), **_token("shopify", "shop", token_id)}
    recorded = Scene({"id": name, f"token#{token_id}": {**record, "state": {"S": "standing"}}})
    asked = json.loads(_event("chicksx/public_token")["body"])
    session = {
        **_text(pk="chicksx#benchmark#session:benchmark", sk="token#jti"),
        **_token("chicksx", "session:benchmark", "jti", expiresAt={"N": str(int(time.time()) + _HOUR)}),
        # A request for other scopes than the session token's is rejected.
        "requestedScopes": {"L": [{"S": name} for name in asked.get("scope", ())]},
    }
    return (
        _stored("shopify-current", "shopify/storefront_access_token", "Shopify current", _shop("shopify", token_id)),
        _asked("shopify-minted", "shopify/storefront_access_token", "Shopify current, minted", 200, new),
        _stored("fourthwall-current", "fourthwall/public_token", "Fourthwall", _shop("fourthwall", "84e0c0eafaa9")),
        _asked("fourthwall-minted", "fourthwall/public_token", "Fourthwall, asked for", 200, new),
        # Its function is prepared for a mint, since most of its calls are one.
        replace(
            _stored("chicksx-current", "chicksx/public_token", "ChicksX session", Scene({"token#jti": session})),
            loads_requests=True,
        ),
        _asked("chicksx-minted", "chicksx/public_token", "ChicksX session, minted", 201, Scene()),
        _asked("shopify-create", "shopify/create_storefront_access_token", "Shopify create", 201, new),
        _asked("shopify-list", "shopify/list_storefront_access_tokens", "Shopify list", 200, recorded),
        _asked("shopify-revoke", "shopify/delete_storefront_access_token", "Shopify revoke", 200, recorded),
    )
