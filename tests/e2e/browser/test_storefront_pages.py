"""A trusted page in a real browser gets each of the three tokens, and pages on other origins can read nothing."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.browser.chromium import BlankPages, Network, serving_blank_pages
from tests.e2e.browser.page_scripts import FETCH, SANDBOXED_FETCH, WAYS
from tests.e2e.support.responses import checked_problem, checked_token, fingerprint
from tests.e2e.support.routes import STOREFRONT_CHICKSX, STOREFRONT_FOURTHWALL, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import Shop, Shops

pytestmark = pytest.mark.audit

SHOP_WIDE = ("shopify", "fourthwall")
PATHS = {"shopify": STOREFRONT_SHOPIFY, "fourthwall": STOREFRONT_FOURTHWALL, "chicksx": STOREFRONT_CHICKSX}
by_provider = pytest.mark.parametrize("provider", PATHS)


@pytest.fixture(scope="module")
def pages() -> Iterator[BlankPages]:
    with serving_blank_pages() as served:
        yield served


@dataclass(frozen=True)
class Storefront:
    """A merchant whose policy names one origin, and the route of one provider."""

    api_url: str
    shop: Shop
    provider: str
    session: str

    def request(self, **init: Any) -> dict[str, Any]:
        """Return the arguments of the page's fetch, with the backend's signed proof for a session."""
        url = self.api_url + PATHS[self.provider].format(merchant=self.shop.name)
        if self.provider in SHOP_WIDE:
            return {"url": url, "init": {"method": "GET", **init}}
        headers = {"Authorization": f"Bearer {self.shop.proof(self.session)}", "Content-Type": "application/json"}
        body = json.dumps({"sessionId": self.session})
        return {"url": url, "init": {"method": "POST", "headers": headers, "body": body, **init}}


type Open = Callable[[str], Storefront]


@pytest.fixture
def storefront(stack: Stack, shops: Shops, pages: BlankPages) -> Open:
    """Create a merchant at a provider that trusts only `pages.own`."""

    def make(provider: str) -> Storefront:
        shop = shops.open(origins=[pages.own])
        return Storefront(stack.api_url, shop, provider, f"checkout-{secrets.token_hex(6)}")

    return make


def made_tokens(control: ControlClient, shop: Storefront) -> set[str]:
    known = control.state()[shop.provider][shop.shop.name]
    made = known["tokens"] if "tokens" in known else [known["token"]]
    return {token["fingerprint"] for token in made if token is not None}


@by_provider
def test_on_an_origin_of_the_policy_javascript_reads_the_token(
    page: Page, pages: BlankPages, storefront: Open, control: ControlClient, provider: str
) -> None:
    shop = storefront(provider)
    page.goto(pages.own)

    seen = page.evaluate(FETCH, shop.request())

    assert (seen["status"], seen["type"]) == (200 if provider in SHOP_WIDE else 201, "cors"), seen
    token = checked_token(json.loads(seen["text"]))
    assert made_tokens(control, shop) == {fingerprint(token["accessToken"])}
    assert (token["provider"], token["merchant"]) == (provider, shop.shop.name)
    assert seen["headers"]["x-request-id"]
    if provider in SHOP_WIDE:
        assert seen["headers"]["cache-control"] == "public, max-age=30"
        assert seen["headers"]["etag"]
    else:
        assert seen["headers"]["cache-control"] == "no-store"
        assert token["subject"] == f"session:{shop.session}"


@by_provider
def test_on_any_other_origin_nothing_of_a_token_can_be_read(
    context: BrowserContext, pages: BlankPages, storefront: Open, control: ControlClient, provider: str
) -> None:
    shop = storefront(provider)
    own = context.new_page()
    own.goto(pages.own)
    token = json.loads(own.evaluate(FETCH, shop.request())["text"])
    made = made_tokens(control, shop)
    control.forget_requests()
    request = shop.request()  # its proof is a good one: to the session, not to the page

    with_cookies = own.evaluate(FETCH, shop.request(credentials="include"))
    assert with_cookies == {"failed": "TypeError: Failed to fetch"}, "credentials are never allowed"
    sandboxed = own.evaluate(SANDBOXED_FETCH, request)
    assert (sandboxed["origin"], sandboxed.get("status", 403)) == ("null", 403), sandboxed
    assert "accessToken" not in json.dumps(sandboxed)
    for origin in (pages.other, pages.near):
        for way, script in WAYS.items():
            page = context.new_page()
            page.goto(origin)
            seen = page.evaluate(script, request)
            assert token["accessToken"] not in json.dumps(seen), (origin, way)
            assert token["tokenId"] not in json.dumps(seen), (origin, way)
            assert seen.get("status", 0) in (0, 401, 403), (origin, way, seen)
            page.close()
    assert control.requests(provider) == []
    assert made_tokens(control, shop) == made


def test_javascript_reads_why_it_failed_when_to_ask_again_and_the_requests_id(
    page: Page, pages: BlankPages, storefront: Open, control: ControlClient
) -> None:
    shop = storefront("shopify")
    control.fault("shopify", "status", status=429, headers={"Retry-After": "7.0"}, body={"errors": "slow"}, times=100)
    page.goto(pages.own)

    seen = page.evaluate(FETCH, shop.request())

    problem = checked_problem(json.loads(seen["text"]), 503, "provider_throttled")
    assert (seen["status"], seen["headers"]["cache-control"]) == (503, "no-store")
    assert int(seen["headers"]["retry-after"]) >= 1
    assert seen["headers"]["x-request-id"] == problem["requestId"]
    for origin in (pages.own, pages.other):  # a refusal that the gateway makes is read by any page
        page.goto(origin)
        refused = page.evaluate(FETCH, storefront("chicksx").request(headers={"Content-Type": "application/json"}))
        checked_problem(json.loads(refused["text"]), 401, "unauthenticated")
        assert refused["headers"]["x-amzn-requestid"]


@pytest.mark.parametrize("provider", SHOP_WIDE)
def test_a_shops_token_comes_out_of_the_browsers_cache_or_is_revalidated_without_being_sent_again(
    page: Page, pages: BlankPages, storefront: Open, provider: str
) -> None:
    shop = storefront(provider)
    page.goto(pages.own)
    network = Network(page)

    first, second = (page.evaluate(FETCH, shop.request()) for _ in range(2))
    assert (network.wire_statuses(1), network.from_cache()) == ([200], 1)
    assert second == first, "the very same answer, its request id too"
    again = page.evaluate(FETCH, shop.request(cache="no-cache"))

    assert network.wire_statuses(2) == [200, 304]
    assert (again["status"], again["text"]) == (200, first["text"])
    assert again["headers"]["etag"] == first["headers"]["etag"]


def test_a_sessions_token_is_never_kept_by_the_browser(page: Page, pages: BlankPages, storefront: Open) -> None:
    shop = storefront("chicksx")
    page.goto(pages.own)
    network = Network(page)

    first, second = (page.evaluate(FETCH, shop.request()) for _ in range(2))

    preflight = 200
    assert network.wire_statuses(3) == [preflight, 201, 200]
    assert network.from_cache() == 0
    assert first["headers"]["cache-control"] == second["headers"]["cache-control"] == "no-store"
    assert first["headers"]["x-request-id"] != second["headers"]["x-request-id"]
    assert first["text"] == second["text"]


@pytest.mark.parametrize("provider", SHOP_WIDE)
def test_what_the_browser_keeps_for_the_shop_is_kept_from_other_pages(
    context: BrowserContext, pages: BlankPages, storefront: Open, provider: str
) -> None:
    """`near` shares the cache's partition with the shop: what holds it back is `Vary: Origin`, and CORS."""
    shop = storefront(provider)
    own, near = context.new_page(), context.new_page()
    own.goto(pages.own)
    near.goto(pages.near)
    kept = own.evaluate(FETCH, shop.request())
    assert kept["headers"]["cache-control"] == "public, max-age=30"

    seen = near.evaluate(FETCH, shop.request(cache="only-if-cached", mode="same-origin"))
    forced = near.evaluate(FETCH, shop.request(cache="force-cache"))

    assert "failed" in seen
    assert forced["status"] == 403
    assert own.evaluate(FETCH, shop.request())["text"] == kept["text"], "and the refusal is not kept for the shop"
