"""On the deployed stack: what somebody did at the provider behind the broker's back is found, and put right."""

import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import token_of
from tests.e2e.support.routes import SHOPIFY, SHOPIFY_CURRENT, SHOPIFY_RECONCILIATIONS
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

DAILY = "reconciliation#shop"
#: Seconds for a message to be taken and worked on: a first call is a cold start, and the machine may be busy.
#: Seconds after which a record that is not listed is lost.
SETTLED_AFTER = 120


@pytest.fixture
def shop(merchants: Merchants, control: ControlClient) -> Merchant:
    return merchants.shopify()


@pytest.fixture
def long_ago(aws: Aws, table: TokenTable) -> Callable[[Merchant], None]:
    """As if two minutes had passed since the shop's tokens were recorded."""

    def move(shop: Merchant) -> None:
        past = {"N": str(int(time.time()) - SETTLED_AFTER - 1)}
        for sk in table.partition(f"shopify#{shop.name}"):
            if sk.startswith("token#"):
                aws("dynamodb").update_item(
                    TableName=table.name,
                    Key={"pk": {"S": f"shopify#{shop.name}"}, "sk": {"S": sk}},
                    UpdateExpression="SET history[0].#at = :past",
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":past": past},
                )

    return move


def end_elsewhere(stack: Stack, shop: Merchant, token_id: str) -> None:
    """Somebody else ends a token with the same app."""
    base = stack.described["providers"]["shopify"]
    address = f"{base}/admin/api/2026-10/storefront_access_tokens/{token_id}.json"
    headers = {"X-Shopify-Access-Token": shop.secret["adminAccessToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"), timeout=10):  # noqa: S310
        pass


def plant(control: ControlClient, table: TokenTable, shop: Merchant) -> str:
    """Create a token with this stack's ownership tag and without a record."""
    broker_id = table.partition("broker")["id"]["brokerId"]
    (planted,) = control.plant_tokens(shop.name, title=f"Kiosk [tb:{broker_id}:{'a' * 26}]")
    return str(planted["id"])


def current(stack: Stack, shop: Merchant) -> str:
    path = SHOPIFY_CURRENT.format(merchant=shop.name)
    return str(token_of(stack.call("GET", path, headers={"Cache-Control": "no-cache"}))["tokenId"])


def create(stack: Stack, shop: Merchant) -> str:
    return str(token_of(stack.call("POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"}), 201)["tokenId"])


def reconcile(stack: Stack, shop: Merchant, body: Any = None) -> dict[str, Any]:
    answer = stack.call("POST", SHOPIFY_RECONCILIATIONS.format(merchant=shop.name), body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def found(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {name: sorted(ids) for name, ids in answer["tokens"].items() if ids}


def test_what_others_have_done_is_shown_and_then_put_right(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, long_ago: Callable[[Merchant], None]
) -> None:
    first, standing = current(stack, shop), create(stack, shop)
    kept, astray = create(stack, shop), plant(control, table, shop)
    (foreign,) = control.plant_tokens(shop.name, title="Somebody else's")
    for token_id in (first, standing):
        end_elsewhere(stack, shop, token_id)
    long_ago(shop)
    expected = {"fine": [kept], "unrecorded": [astray], "foreign": [str(foreign["id"])]}
    expected["lost"] = sorted([first, standing])
    before = table.merchant("shopify", shop.name)

    dry = reconcile(stack, shop)

    assert (found(dry), dry["applied"]) == (expected, False)
    assert table.merchant("shopify", shop.name) == before

    applied = reconcile(stack, shop, {"apply": True})

    assert found(applied) == expected
    assert (applied["done"]["adopted"], sorted(applied["done"]["lost"])) == ([astray], expected["lost"])
    assert current(stack, shop) == applied["done"]["minted"]
    items = table.partition(f"shopify#{shop.name}")
    assert {items[f"token#{token_id}"]["state"] for token_id in (first, standing)} == {"lost"}
    assert (items[f"token#{astray}"]["state"], items[f"token#{astray}"]["title"]) == ("standing", "Kiosk")
    assert set(found(reconcile(stack, shop))) == {"fine", "foreign"}
    listed = {str(token["id"]): token for token in control.state()["shopify"][shop.name]["tokens"]}
    assert str(foreign["id"]) in listed


def test_the_worker_reconciles_by_itself(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, aws: Aws
) -> None:
    create(stack, shop)
    astray = plant(control, table, shop)
    pk = f"shopify#{shop.name}"
    assert table.partition(pk)[DAILY]["dueAt"] > time.time() + 17 * 3600
    aws("dynamodb").update_item(
        TableName=table.name,
        Key={"pk": {"S": pk}, "sk": {"S": DAILY}},
        UpdateExpression="SET dueAt = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
    )

    dispatcher_runs.run(stack)

    wait_until(lambda: "reconciledAt" in table.partition(pk)[DAILY])
    adopted = table.partition(pk)[f"token#{astray}"]
    assert (adopted["state"], adopted["history"][0]["by"]) == ("standing", "clock")
    assert table.partition(pk)[DAILY]["dueAt"] > time.time() + 17 * 3600


def test_a_create_at_the_limit_has_what_is_to_go_ended_first(
    stack: Stack, control: ControlClient, shop: Merchant
) -> None:
    path = SHOPIFY.format(merchant=shop.name)
    gone = create(stack, shop)
    control.fault("shopify", "status", status=503, method="DELETE", times=3)
    assert stack.call("DELETE", f"{path}/{gone}").json() == {"revocation": "pending"}
    control.plant_tokens(shop.name, count=99)

    made = create(stack, shop)

    listed = {str(token["id"]) for token in control.state()["shopify"][shop.name]["tokens"]}
    assert (len(listed), made in listed, gone in listed) == (100, True, False)

    refused = stack.call("POST", path, {"title": "One more"})
    assert (refused.status_code, refused.json()["code"]) == (409, "token_limit_reached")
    assert f"1 standing, for example {made} (" in refused.json()["detail"]
    assert "99 foreign" in refused.json()["detail"]


@pytest.mark.parametrize("body", [{"apply": "yes"}, {"apply": None}, {"merchant": "other"}])
def test_what_makes_no_sense_is_refused(stack: Stack, shop: Merchant, body: Any) -> None:
    answer = stack.call("POST", SHOPIFY_RECONCILIATIONS.format(merchant=shop.name), body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_an_unknown_merchant_has_nothing_to_compare(stack: Stack, merchants: Merchants) -> None:
    answer = stack.call("POST", SHOPIFY_RECONCILIATIONS.format(merchant=merchants.nobody()), {"apply": True})

    assert (answer.status_code, answer.json()["code"]) == (404, "merchant_not_found")
