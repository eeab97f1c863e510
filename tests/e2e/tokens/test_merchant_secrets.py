"""Merchants' secrets while the stack runs: new ones, changed ones, and those that can't be used."""

import itertools
import json
from collections.abc import Callable

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT

CANARY = "shpat_c0ffee00c0ffee00c0ffee00c0ffee00"
MAKERS: dict[str, Callable[[Merchants], Merchant]] = {
    "fourthwall": Merchants.fourthwall,
    "fourthwall with an access token": Merchants.fourthwall_with_token,
    "chicksx": Merchants.chicksx,
    "shopify": Merchants.shopify,
    "shopify with client id and secret": Merchants.shopify_with_client,
}

_sessions = itertools.count()


def ask(stack: Stack, merchant: Merchant) -> requests.Response:
    """Send a call that reaches the provider whatever is stored."""
    if merchant.provider == "fourthwall":
        path = FOURTHWALL.format(merchant=merchant.name)
        return stack.call("PUT", path, headers={"Cache-Control": "no-cache"})
    if merchant.provider == "chicksx":
        return stack.call("POST", CHICKSX.format(merchant=merchant.name), {"sessionId": f"s{next(_sessions)}"})
    return stack.call("GET", SHOPIFY.format(merchant=merchant.name))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_changed_secret_works_at_once(
    stack: Stack, control: ControlClient, merchants: Merchants, make: Callable[[Merchants], Merchant]
) -> None:
    merchant = make(merchants)
    assert ask(stack, merchant).ok
    control.forget_requests()
    merchants.change_credentials(merchant)

    response = ask(stack, merchant)

    assert response.ok, response.text
    seen = control.requests(merchant.provider)
    first, last = (each["status"] for each in seen if "oauth" not in each["path"])
    assert first == 401, "the old secret was tried from memory"
    assert last in (200, 201)


@pytest.mark.parametrize("written", ["https://{}.myshopify.com/", "HTTP://{}.MyShopify.com"])
def test_a_new_merchant_works_at_once_and_a_shops_domain_is_taken_as_people_write_it(
    stack: Stack, control: ControlClient, merchants: Merchants, written: str
) -> None:
    name = merchants.nobody()
    path, token = SHOPIFY_CURRENT.format(merchant=name), f"shpat_{name}"
    problem_of(stack.call("GET", path), 404, "merchant_not_found")
    control.put_account("shopify", name, shop=f"{name}.myshopify.com", adminAccessToken=token)
    merchants.store("shopify", name, json.dumps({"shop": written.format(name), "adminAccessToken": token}))

    answer = token_of(stack.call("GET", path))

    assert answer["use"]["url"].startswith(f"https://{name}.myshopify.com/")


@pytest.mark.parametrize(
    "content",
    [
        f'{{"shop":"broken.myshopify.com","adminAccessToken":"{CANARY}"',
        json.dumps({"shop": f"{CANARY}@evil.com", "adminAccessToken": CANARY}),
        CANARY.encode(),
    ],
    ids=["JSON cut short", "another host", "bytes"],
)
def test_a_secret_that_cannot_be_used_is_not_quoted_and_one_that_is_put_right_works_at_once(
    stack: Stack, control: ControlClient, merchants: Merchants, content: str | bytes
) -> None:
    name = merchants.nobody()
    merchants.store("shopify", name, content)
    merchants.values.add(CANARY)

    response = stack.call("GET", SHOPIFY_CURRENT.format(merchant=name))

    problem = problem_of(response, 502, "merchant_misconfigured")
    assert name in problem["detail"]
    assert CANARY not in response.text
    assert "evil" not in response.text.lower()
    assert control.requests() == []

    fields = {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{name}"}
    control.put_account("shopify", name, **fields)
    merchants.rewrite("shopify", name, json.dumps(fields))
    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=name)))
