"""On the deployed stack a merchant opts in to rotation, and the worker makes another token current in time.

The test runs the dispatcher itself, and makes the current token older in the table.
"""

import time
from typing import Any

import requests

from sandbox.local_stack import Stack
from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import ROTATION_SETTINGS, SHOPIFY, SHOPIFY_CURRENT

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
DAY = 24 * 60 * 60
DEFAULTS = {"maxAgeDays": None, "overlapDays": 7, "paused": False}


def settings_of(response: requests.Response, revision: int | None) -> dict[str, Any]:
    """Return the settings of a response after checking its status and headers."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.get("ETag") == (None if revision is None else f'"{revision}"')
    return dict(response.json())


def make_older(shop: Shop, days: int) -> None:
    """As if so many days had passed: the current token is older by them, and what waits waits less."""
    items = shop.items()
    issued_at = int(items["subject#shop"]["current"]["issuedAt"])
    shop.set_number("subject#shop", "current.issuedAt", issued_at - days * DAY)
    for sk, item in items.items():
        if "dueAt" in item:
            shop.set_number(sk, "dueAt", int(item["dueAt"]) - days * DAY)


def test_settings_are_put_got_and_changed_by_whoever_has_seen_them(shop: Shop) -> None:
    document = {"maxAgeDays": 90, "overlapDays": 14, "paused": False}
    assert settings_of(shop.call("GET", ROTATION_SETTINGS), None) == DEFAULTS

    assert settings_of(shop.call("PUT", ROTATION_SETTINGS, document, If_None_Match="*"), 1) == document
    assert settings_of(shop.call("GET", ROTATION_SETTINGS), 1) == document
    problem_of(shop.call("PUT", ROTATION_SETTINGS, {}, If_None_Match="*"), 412, "precondition_failed")
    problem_of(shop.call("PUT", ROTATION_SETTINGS, {}, If_Match='"2"'), 412, "precondition_failed")
    paused = settings_of(shop.call("PUT", ROTATION_SETTINGS, {"paused": True}, If_Match='"1"'), 2)

    assert paused == {**DEFAULTS, "paused": True}
    assert shop.items()["settings#rotation"]["changedBy"] == ADMINISTRATOR


def test_a_token_of_that_age_is_replaced_and_revoked_after_its_overlap(stack: Stack, shop: Shop) -> None:
    def looked_at() -> bool:
        return bool(shop.items()["settings#rotation"].get("dueAt", 0) > time.time())

    first = token_of(shop.call("GET", SHOPIFY_CURRENT))
    settings_of(shop.call("PUT", ROTATION_SETTINGS, {"maxAgeDays": 90, "overlapDays": 7}), 1)
    shop.run_dispatcher(looked_at)
    assert "rotation#shop" not in shop.items(), "it is not old enough"

    make_older(shop, 91)
    shop.run_dispatcher(lambda: "rotation#shop" in shop.items() and looked_at())
    shop.run_dispatcher(lambda: "dueAt" not in shop.items()["rotation#shop"])

    second = shop.current(Cache_Control="no-cache")
    assert second != first["tokenId"]
    assert shop.items()["rotation#shop"]["requestedBy"] == "clock"
    record = f"{SHOPIFY}/{first['tokenId']}"
    retiring = shop.call("GET", record).json()
    assert (retiring["state"], retiring["accessToken"]) == ("retiring", first["accessToken"])

    make_older(shop, 8)
    shop.run_dispatcher(lambda: shop.states()[first["tokenId"]] == "revoked")

    assert shop.at_the_provider() == {second}
    shown = shop.call("GET", record).json()
    assert (shown["state"], shown["accessToken"]) == ("revoked", None)
    assert [(line["from"], line["to"], line["why"]) for line in shown["history"]] == [
        (None, "current", "minted"),
        ("current", "retiring", "rotated"),
        ("retiring", "revoking", "rotated"),
        ("revoking", "revoked", "rotated"),
    ]
    began, _, *ended = [line["by"] for line in shown["history"]]
    assert (began, ended) == (ADMINISTRATOR, ["clock", "clock"])
    event = {"merchant": shop.name, "tokenId": first["tokenId"]}
    assert stack.invoke("shopify/get_storefront_access_token", event) == (shown, None)
