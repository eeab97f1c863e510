"""A provider that is down, slow or throttled, with real processes, a real clock and the gateway's time limit."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until


@pytest.fixture
def shop(merchants: Merchants) -> Merchant:
    return merchants.shopify()


def mints(control: ControlClient, merchant: Merchant) -> int:
    count: int = control.state()["shopify"][merchant.name]["mints"]
    return count


@pytest.mark.parametrize("kind", ["current", "standing"])
def test_a_create_whose_answer_was_lost_is_adopted_by_the_next_call(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, kind: str
) -> None:
    """The look-up fails too: then the open intent tells the next call what to look for."""
    control.fault("shopify", "act_then_drop", method="POST")
    control.fault("shopify", "status", status=500, method="GET", times=3)
    path = (SHOPIFY_CURRENT if kind == "current" else SHOPIFY).format(merchant=shop.name)

    def ask() -> requests.Response:
        if kind == "current":
            return stack.call("GET", path)
        return stack.call("POST", path, {"title": "Kiosk"}, headers={"Idempotency-Key": "order-1"})

    problem_of(ask(), 504, "provider_unavailable")

    assert mints(control, shop) == 1
    partition = table.partition(f"shopify#{shop.name}")
    [(sk, intent)] = [(sk, item) for sk, item in partition.items() if "intentId" in item]
    assert sk.partition("#")[0] == ("subject" if kind == "current" else "intent")
    assert "expiresAt" not in intent, "an unresolved intent has no end"
    assert (f"shopify#{shop.name}", sk) in table.due()

    token = token_of(ask(), 200 if kind == "current" else 201)

    assert mints(control, shop) == 1, "adopted, not doubled"
    [made] = control.state()["shopify"][shop.name]["tokens"]
    assert made["id"] == token["tokenId"]
    assert (f"shopify#{shop.name}", sk) not in table.due()


def test_shopifys_list_is_asked_again_after_the_stated_time_and_a_create_is_not(
    stack: Stack, control: ControlClient, shop: Merchant
) -> None:
    path = SHOPIFY.format(merchant=shop.name)
    control.fault("shopify", "status", status=429, headers={"Retry-After": "0.5"}, method="GET")
    control.fault("shopify", "status", status=429, headers={"Retry-After": "2.0"}, method="POST")

    assert stack.call("GET", path).status_code == 200
    response = stack.call("POST", path, {"title": "Kiosk"})

    problem_of(response, 503, "provider_throttled")
    assert response.headers["Retry-After"] == "2"
    first, second, _ = control.requests("shopify")
    assert second["at"] - first["at"] >= 0.5


def test_the_intent_lies_in_the_table_before_the_provider_acts(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    shop, chicksx = merchants.shopify(), merchants.chicksx()
    control.fault("shopify", "hang", seconds=1.5)
    control.fault("chicksx", "hang", seconds=1.5)
    with ThreadPoolExecutor() as pool:
        calls = [
            pool.submit(stack.call, "GET", SHOPIFY_CURRENT.format(merchant=shop.name)),
            pool.submit(stack.call, "POST", CHICKSX.format(merchant=chicksx.name), {"sessionId": "s"}),
        ]
        wait_until(lambda: len(control.requests()) == 2)
        shops = table.partition(f"shopify#{shop.name}")["subject#shop"]
        [sessions] = table.merchant("chicksx", chicksx.name).values()
        assert mints(control, shop) == 0
        for lease in (shops, sessions):
            assert {"owner", "leaseEnd", "intentId", "intentAt", "intentBy", "fence"} <= set(lease)
            assert lease["leaseEnd"] > time.time() + 25, "a lease outlives its holder's deadline"
            assert "expiresAt" not in lease
        token_of(calls[0].result())
        token_of(calls[1].result(), 201)

    made = control.state()["shopify"][shop.name]["tokens"][0]["title"]
    assert made.endswith(f":{shops['intentId']}]"), "the title's mark names the intent"
    for (_, sk), item in (table.merchant("shopify", shop.name) | table.merchant("chicksx", chicksx.name)).items():
        assert not {"owner", "leaseEnd", "intentId"} & set(item), f"{sk}: the token's answer ends the intent"


def test_providers_that_hang_are_given_up_before_the_gateway_gives_up(
    stack: Stack, control: ControlClient, merchants: Merchants
) -> None:
    """All three at the same time, since each takes its whole budget."""
    shop = merchants.shopify()
    calls = {
        "fourthwall": ("PUT", FOURTHWALL.format(merchant=merchants.fourthwall().name), None),
        "chicksx": ("POST", CHICKSX.format(merchant=merchants.chicksx().name), {"sessionId": "s"}),
        "shopify": ("GET", SHOPIFY_CURRENT.format(merchant=shop.name), None),
    }
    for provider in calls:
        control.fault(provider, "hang", seconds=60, times=20)

    def timed(call: tuple[str, str, Any]) -> tuple[requests.Response, float]:
        started = time.monotonic()
        return stack.call(*call), time.monotonic() - started

    with ThreadPoolExecutor() as pool:
        for response, seconds in pool.map(timed, calls.values()):
            problem_of(response, 504, "provider_unavailable")
            assert seconds < 25, f"{response.json()['detail']} after {seconds:.1f} s"
    control.forget_faults()

    # What hung may still act, so the next caller may be asked for some patience.
    for call in calls.values():
        wait_until(lambda: stack.call(*call).status_code in (200, 201), patience=20)  # noqa: B023
    assert mints(control, shop) == 1
