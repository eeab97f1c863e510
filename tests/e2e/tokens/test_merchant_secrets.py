"""Merchants' secrets while the stack runs: new ones, changed ones, and those that can't be used."""

import json

import pytest
import requests

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import problem_of, token_of
from tests.e2e.support.routes import FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT

CANARY = "shpat_c0ffee00c0ffee00c0ffee00c0ffee00"


@pytest.mark.parametrize("kind", ["fourthwall_with_token", "shopify_with_client"])
def test_a_changed_secret_works_at_once(stack: Stack, control: ControlClient, merchants: Merchants, kind: str) -> None:
    merchant = getattr(merchants, kind)()

    def ask() -> requests.Response:
        """Send a call that reaches the provider whatever is stored."""
        if merchant.provider == "shopify":
            return stack.call("GET", SHOPIFY.format(merchant=merchant.name))
        return stack.call("PUT", FOURTHWALL.format(merchant=merchant.name), headers={"Cache-Control": "no-cache"})

    assert ask().ok
    control.forget_requests()
    merchants.change_credentials(merchant)

    assert ask().ok
    seen = control.requests(merchant.provider)
    first, last = (each["status"] for each in seen if "oauth" not in each["path"])
    assert (first, last) == (401, 200), "the old secret was tried from memory"


@pytest.mark.parametrize("content", [f'{{"adminAccessToken":"{CANARY}"', CANARY.encode()], ids=["cut short", "bytes"])
def test_a_secret_that_is_missing_or_cannot_be_used_works_at_once_when_it_is_put_right(
    stack: Stack, control: ControlClient, merchants: Merchants, content: str | bytes
) -> None:
    name = merchants.nobody()
    path = SHOPIFY_CURRENT.format(merchant=name)
    problem_of(stack.call("GET", path), 404, "merchant_not_found")
    merchants.store("shopify", name, content)
    merchants.values.add(CANARY)

    response = stack.call("GET", path)

    assert name in problem_of(response, 502, "merchant_misconfigured")["detail"]
    assert CANARY not in response.text
    assert control.requests() == []
    fields = {"shop": f"{name}.myshopify.com", "adminAccessToken": f"shpat_{name}"}
    control.put_account("shopify", name, **fields)
    merchants.rewrite("shopify", name, json.dumps(fields))
    token_of(stack.call("GET", path))
