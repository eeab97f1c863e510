"""Merchants' secrets while the stack runs: new ones, changed ones, missing ones, and those that can't be used."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT

CANARY = "shpat_c0ffee00c0ffee00c0ffee00c0ffee00"
SHOP = {"shop": "broken.myshopify.com"}


_sessions = itertools.count()


def ask(stack: Stack, merchant: Merchant) -> requests.Response:
    """Send a call that reaches the provider whatever is stored."""
    if merchant.provider == "fourthwall":
        path = FOURTHWALL.format(merchant=merchant.name)
        return stack.call("PUT", path, headers={"Cache-Control": "no-cache"})
    if merchant.provider == "chicksx":
        return stack.call("POST", CHICKSX.format(merchant=merchant.name), {"sessionId": f"s{next(_sessions)}"})
    return stack.call("GET", SHOPIFY.format(merchant=merchant.name))


MAKERS: dict[str, Callable[[Merchants], Merchant]] = {
    "fourthwall": Merchants.fourthwall,
    "fourthwall with an access token": Merchants.fourthwall_with_token,
    "chicksx": Merchants.chicksx,
    "shopify": Merchants.shopify,
    "shopify with client id and secret": Merchants.shopify_with_client,
}


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
    statuses = [each["status"] for each in seen if "oauth" not in each["path"]]
    assert statuses[0] == 401, "the old secret was tried from memory"
    assert statuses[-1] in (200, 201)
    assert len(statuses) == 2


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_secret_that_the_provider_refuses(
    stack: Stack, control: ControlClient, merchants: Merchants, make: Callable[[Merchants], Merchant]
) -> None:
    merchant = make(merchants)
    assert ask(stack, merchant).ok
    control.forget_requests()
    merchants.change_credentials(merchant, tell=False)

    # A grant rejects the client by name.
    by_client = make is Merchants.shopify_with_client
    code = "invalid_client" if by_client else "provider_rejected_credentials"
    problem = problem_of(ask(stack, merchant), 502, code)

    assert problem["provider"]["status"] in (400, 401)
    calls = [seen for seen in control.requests(merchant.provider) if "oauth" not in seen["path"]]
    assert len(calls) <= 2, "tried once more with the secret read again, and no more"


def test_a_new_merchant_works_at_once(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    name = merchants.nobody()
    path = SHOPIFY_CURRENT.format(merchant=name)
    problem_of(stack.call("GET", path), 404, "merchant_not_found")
    fields = {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{name}"}
    control.put_account("shopify", name, **fields)
    merchants.store("shopify", name, json.dumps(fields))

    token_of(stack.call("GET", path))


@pytest.mark.parametrize("written", ["https://{}.myshopify.com/", " {}.myshopify.com ", "HTTP://{}.MyShopify.com"])
def test_a_shops_domain_is_taken_as_people_write_it(
    stack: Stack, control: ControlClient, merchants: Merchants, written: str
) -> None:
    name = merchants.nobody()
    token = f"shpat_{name}"
    control.put_account("shopify", name, shop=f"{name}.myshopify.com", adminAccessToken=token)
    merchants.store("shopify", name, json.dumps({"shop": written.format(name), "adminAccessToken": token}))

    answer = token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=name)))

    assert answer["use"]["url"].startswith(f"https://{name}.myshopify.com/")


def test_a_secret_that_waits_for_its_deletion(
    stack: Stack, aws: Aws, control: ControlClient, merchants: Merchants
) -> None:
    name = merchants.nobody()
    merchants.store("chicksx", name, '{"apiKey":"a","clientId":"b"}')
    aws("secretsmanager").delete_secret(SecretId=merchants.secret_name("chicksx", name), RecoveryWindowInDays=7)

    problem_of(stack.call("POST", CHICKSX.format(merchant=name), {"sessionId": "s"}), 404, "merchant_not_found")

    assert control.requests() == []


def test_a_secret_belongs_to_one_provider(stack: Stack, merchants: Merchants) -> None:
    merchant = merchants.chicksx()

    problem_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=merchant.name)), 404, "merchant_not_found")


BROKEN: dict[str, Any] = {
    "no JSON": f"adminAccessToken={CANARY}",
    "JSON cut short": f'{{"shop":"broken.myshopify.com","adminAccessToken":"{CANARY}"',
    "a string": json.dumps(CANARY),
    "an array": json.dumps([CANARY]),
    "a field given twice": f'{{"shop":"broken.myshopify.com","adminAccessToken":"a","adminAccessToken":"{CANARY}"}}',
    "an unknown field": json.dumps({**SHOP, "adminAccessToken": CANARY, CANARY: "x"}),
    "another provider's fields": json.dumps({"apiKey": CANARY, "clientId": CANARY}),
    "both kinds at once": json.dumps({**SHOP, "adminAccessToken": CANARY, "clientId": CANARY, "clientSecret": CANARY}),
    "half a pair": json.dumps({**SHOP, "clientSecret": CANARY}),
    "an object for a string": json.dumps({**SHOP, "adminAccessToken": {CANARY: CANARY}}),
    "an empty value": json.dumps({**SHOP, "adminAccessToken": ""}),
    "a line break in a value": json.dumps({**SHOP, "adminAccessToken": f"{CANARY}\r\nX-Evil: 1"}),
    "another host": json.dumps({"shop": f"{CANARY}.attacker.example", "adminAccessToken": CANARY}),
    "a host that only begins so": json.dumps({"shop": "x.myshopify.com.evil.com", "adminAccessToken": CANARY}),
    "a host behind a sign-in": json.dumps({"shop": "shop.myshopify.com@evil.com", "adminAccessToken": CANARY}),
    "no such version": json.dumps({**SHOP, "adminAccessToken": CANARY, "apiVersion": f"../{CANARY}"}),
    "bytes": CANARY.encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_secret_that_cannot_be_used(
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


def test_a_broken_secret_that_is_put_right_works_at_once(stack: Stack, merchants: Merchants) -> None:
    merchant = merchants.chicksx()
    merchants.rewrite("chicksx", merchant.name, "{}")
    problem_of(ask(stack, merchant), 502, "merchant_misconfigured")

    merchants.rewrite("chicksx", merchant.name, json.dumps(dict(merchant.secret)))

    assert ask(stack, merchant).status_code == 201
