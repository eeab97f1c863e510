"""The JavaScript that the README and a how-to page give to storefronts, in a real browser: it survives refusals."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from sandbox.local_stack import Stack
from tests.e2e.browser.chromium import BlankPages, serving_blank_pages
from tests.e2e.documentation.blocks import ROOT, blocks_of
from tests.e2e.support.storefronts import Shops

pytestmark = pytest.mark.audit

REFUSALS = "docs/how-to/handle-expiry-and-refusals.md"


@pytest.fixture(scope="module")
def pages() -> Iterator[BlankPages]:
    with serving_blank_pages() as served:
        yield served


def script(page: str, number: int) -> str:
    """Return a page's block of JavaScript, without the line that names the API."""
    blocks = [block.text for block in blocks_of((ROOT / page).read_text()) if block.language == "js"]
    return re.sub(r"^const API = .*\n", "", blocks[number])


def run(page: Page, stack: Stack, merchant: str, written: str, call: str) -> Any:
    names = f"const API = {json.dumps(stack.api_url)}, MERCHANT = {json.dumps(merchant)};\n"
    return page.evaluate(f"async () => {{ {names}{written}\nreturn {call}; }}")


def test_a_page_asks_once_more_when_shopify_refuses_its_token(
    page: Page, pages: BlankPages, stack: Stack, shops: Shops
) -> None:
    shop = shops.open(origins=[pages.own])
    statuses = [401, 200]
    asked = []

    def shopify(route: Route) -> None:
        asked.append(route.request.headers["x-shopify-storefront-access-token"])
        body = json.dumps({"data": {"shop": {"name": "Acme"}}})
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
        route.fulfill(status=statuses.pop(0), body=body, headers=allowed)

    page.route(f"https://{shop.name}.myshopify.com/**", shopify)
    page.goto(pages.own)
    answer = run(page, stack, shop.name, script("README.md", 0), 'await shopify("{ shop { name } }")')

    assert answer == {"data": {"shop": {"name": "Acme"}}}
    assert len(asked) == 2
    assert statuses == []


def test_a_page_that_gets_no_token_learns_the_code(page: Page, pages: BlankPages, stack: Stack, shops: Shops) -> None:
    shop = shops.open()
    page.goto(pages.own)

    call = 'await shopify("{ shop { name } }").catch(({ code, requestId }) => [code, Boolean(requestId)])'

    assert run(page, stack, shop.name, script("README.md", 0), call) == ["forbidden", True]


def test_a_page_gets_a_new_proof_when_its_proof_is_refused(
    page: Page, pages: BlankPages, stack: Stack, shops: Shops
) -> None:
    shop = shops.open(origins=[pages.own])
    proofs = [shop.proof("checkout-2", exp=1), shop.proof("checkout-2")]
    page.route(
        f"{pages.own}/proof",
        lambda route: route.fulfill(json={"proof": proofs.pop(0), "sessionId": "checkout-2"}),
    )
    page.goto(pages.own)

    token = run(page, stack, shop.name, script(REFUSALS, 1), "[await chicksx(), await chicksx()]")

    assert [each["subject"] for each in token] == ["session:checkout-2"] * 2
    assert proofs == []
