"""The JavaScript that the front page and the how-to pages give to storefronts, in a real browser."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from sandbox.local_stack import Stack
from tests.e2e.browser.chromium import BlankPages, serving_blank_pages
from tests.e2e.browser.client_pages import ShopifyStorefront
from tests.e2e.documentation.blocks import ROOT, blocks_of
from tests.e2e.support.javascript import SCRIPT
from tests.e2e.support.storefronts import Shop, Shops

pytestmark = pytest.mark.audit

REFUSALS = "docs/how-to/handle-expiry-and-refusals.md"
#: A page without a bundler has the client as a global name.
IMPORT = re.compile(r'^import (\{.*\}) from "@token-broker/storefront";$', re.MULTILINE)


@pytest.fixture(scope="module")
def pages() -> Iterator[BlankPages]:
    with serving_blank_pages() as served:
        yield served


def script(page: str, number: int) -> str:
    """Return a page's block of JavaScript, without the line that names the API."""
    blocks = [block.text for block in blocks_of((ROOT / page).read_text()) if block.language == "js"]
    return IMPORT.sub(r"const \1 = TokenBroker;", re.sub(r"^const API = .*\n", "", blocks[number], flags=re.MULTILINE))


def run(page: Page, pages: BlankPages, stack: Stack, shop: Shop, written: str) -> Any:
    """Return what the script returns on a page of the trusted origin."""
    page.goto(pages.own)
    page.add_script_tag(path=SCRIPT)
    names = f"const API = {json.dumps(stack.api_url)}, MERCHANT = {json.dumps(shop.name)};\n"
    return page.evaluate(f"async () => {{ {names}{written} }}")


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("README.md", "return response.status;"),
        (REFUSALS, 'await shopify("{ shop { name } }"); return 200;'),
    ],
)
def test_a_page_sends_its_request_with_the_token(
    page: Page, pages: BlankPages, stack: Stack, shops: Shops, where: str, call: str
) -> None:
    shop, shopify = shops.open(origins=[pages.own]), ShopifyStorefront()
    shopify.serve(page, shop)

    assert run(page, pages, stack, shop, f"{script(where, 0)}\n{call}") == 200
    assert [accepted for _, accepted in shopify.asked] == [True]


def test_a_page_that_gets_no_token_shows_the_requests_id(
    page: Page, pages: BlankPages, stack: Stack, shops: Shops
) -> None:
    answer = run(page, pages, stack, shops.open(), f'{script(REFUSALS, 0)}\nreturn await shopify("{{ shop }}");')

    assert re.fullmatch(r"Not available \([\w-]+\)\.", answer["notice"])


def test_a_checkout_is_ready_with_a_new_proof_if_its_proof_is_refused(
    page: Page, pages: BlankPages, stack: Stack, shops: Shops
) -> None:
    shop = shops.open(origins=[pages.own])
    proofs = [shop.proof("checkout-2", exp=1), shop.proof("checkout-2")]
    page.route(
        f"{pages.own}/proof",
        lambda route: route.fulfill(json={"proof": proofs.pop(0), "sessionId": "checkout-2"}),
    )
    client = f"const {{ tokenBroker }} = TokenBroker;\n{script(REFUSALS, 1)}"
    ready = "return new Promise((init) => { window.chicksX = { init }; }).finally(leave);"

    options = run(page, pages, stack, shop, f"{client}\n{ready}")

    assert options["authenticationToken"]
    assert proofs == []
