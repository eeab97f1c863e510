"""The browser client in a real browser, on an origin of a merchant's trust policy. The API is on another origin."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Route

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.browser.chromium import BlankPages, Network, serving_blank_pages
from tests.e2e.browser.client_pages import ShopifyStorefront, Tab, frozen, react_page, tab
from tests.e2e.support.storefronts import Shop, Shops
from token_broker_client import TokenBroker

pytestmark = pytest.mark.audit

HOURS = 3_600_000
#: A function has a token in memory for 30 s. A compromised token is revoked later than that.
REVOKED_AFTER = 36

GET_ID = "return (await source.token()).tokenId;"
USE = "return (await source.fetch(undefined, { method: 'POST', body: '{}' })).status;"


@pytest.fixture(scope="module")
def pages() -> Iterator[BlankPages]:
    with serving_blank_pages() as served:
        yield served


@pytest.fixture
def shop(shops: Shops, pages: BlankPages) -> Shop:
    return shops.open(origins=[pages.own])


type Open = Callable[..., Tab]


@pytest.fixture
def opened(context: BrowserContext, stack: Stack, shop: Shop, pages: BlankPages) -> Open:
    """Open a tab of the shop, on the trusted origin unless another one is named."""

    def open_tab(origin: str = pages.own, skew: int = 0) -> Tab:
        return tab(context, stack, shop, origin, skew=skew)

    return open_tab


def checkout(shop: Shop, proof: str = "") -> str:
    """Return a script that makes `source` the source of a session's tokens. Without a proof it has a valid one."""
    proved = json.dumps({"proof": proof or shop.proof("checkout-1"), "sessionId": "checkout-1"})
    return f"window.source = broker.chicksx({{ proof: () => ({proved}) }});"


def test_the_first_token_costs_one_request_and_a_second_view_of_the_page_costs_none(opened: Open) -> None:
    first, second = opened(), opened()
    networks = [Network(each.page) for each in (first, second)]

    assert first.run(GET_ID) == first.run(GET_ID) == second.run(GET_ID)

    assert [network.wire_statuses(1) for network in networks[:1]] == [[200]], "and no preflight"
    assert networks[1].from_cache() == 1
    assert networks[1].wire_statuses(0) == []


def test_two_tabs_at_once_get_the_same_token(opened: Open, shop: Shop, control: ControlClient) -> None:
    tabs = [opened(), opened()]
    for each in tabs:
        each.run("window.pending = source.token();")

    ids = {each.run("return (await pending).tokenId;") for each in tabs}

    assert ids == {token["id"] for token in control.state()["shopify"][shop.name]["tokens"]}


@pytest.mark.parametrize("skew", [-2 * HOURS, 2 * HOURS])
def test_a_clock_that_is_two_hours_off_changes_nothing(opened: Open, shop: Shop, skew: int) -> None:
    one = opened(skew=skew)
    one.run(checkout(shop))
    network = Network(one.page)
    one.run(GET_ID)

    # Half an hour passes. Without the broker's time the token would be used for a minute.
    one.run("window.skew += 1_800_000;")

    assert one.run("return source.peek()?.subject;") == "session:checkout-1"
    one.run(GET_ID)
    preflight = 200
    assert network.wire_statuses(2) == [preflight, 201]


def test_a_renewal_that_fails_leaves_the_token_until_its_end(opened: Open, shop: Shop, context: BrowserContext) -> None:
    one = opened()
    one.run(checkout(shop))
    first = one.run(GET_ID)
    context.set_offline(True)
    one.run("window.skew += 3_400_000;")

    assert one.run(GET_ID) == first
    one.page.wait_for_timeout(200)
    assert one.run(GET_ID) == first
    one.run("window.skew += 300_000;")
    assert one.outcome(GET_ID)["code"] == "network"


def test_offline_a_page_learns_it_and_online_again_it_gets_its_token(opened: Open, context: BrowserContext) -> None:
    one = opened()
    context.set_offline(True)
    assert one.outcome(GET_ID)["code"] == "network"

    context.set_offline(False)
    one.page.wait_for_timeout(1100)  # for as long, callers share the failure

    assert one.run(GET_ID)


def test_a_caller_who_aborts_leaves_the_request_to_the_others(opened: Open) -> None:
    one = opened()

    def delayed(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    one.page.route("**/storefront/**", delayed)
    network = Network(one.page)

    outcome = one.run("""
      const gone = new AbortController();
      const [first, second] = [source.token({ signal: gone.signal }), source.token()];
      gone.abort(new Error("gone"));
      return [await first.catch(({ message }) => message), (await second).provider];""")

    assert outcome == ["gone", "shopify"]
    assert network.wire_statuses(1) == [200]


def test_a_page_of_another_origin_learns_the_code_and_the_requests_id(opened: Open, pages: BlankPages) -> None:
    outcome = opened(pages.other).outcome(GET_ID)

    assert outcome["code"] == "forbidden"
    assert outcome["requestId"]


def test_a_merchant_that_does_not_exist_is_an_error_with_the_requests_id(
    context: BrowserContext, stack: Stack, pages: BlankPages
) -> None:
    outcome = tab(context, stack, Shop("nobody-at-all", ""), pages.own).outcome(GET_ID)

    assert outcome["code"] == "forbidden"
    assert outcome["requestId"]


def test_a_proof_that_is_refused_is_an_error_with_the_requests_id(opened: Open, shop: Shop) -> None:
    one = opened()
    one.run(checkout(shop, shop.proof("checkout-1", exp=1)))

    outcome = one.outcome(GET_ID)

    assert outcome["code"] == "unauthenticated"
    assert outcome["requestId"]


def test_react_shows_the_token_in_strict_mode_with_one_request_and_else_the_error(
    opened: Open, pages: BlankPages
) -> None:
    script = react_page()
    trusted, other = opened(), opened(pages.other)
    network = Network(trusted.page)
    for each in (trusted, other):
        each.page.add_script_tag(content=script)
        each.run("render();")

    trusted.page.wait_for_function("document.querySelector('main').textContent === source.peek()?.tokenId")
    other.page.wait_for_function("document.querySelector('main').textContent === 'forbidden'")
    assert network.wire_statuses(1) == [200]


def test_a_tab_that_slept_over_a_compromised_rotation_and_one_whose_token_was_deleted_recover(
    context: BrowserContext, stack: Stack, broker: TokenBroker, shops: Shops, pages: BlankPages
) -> None:
    """Both need half a minute, so one test waits for both."""
    leaked, deleted = (shops.open(origins=[pages.own]) for _ in range(2))
    sleeper, watcher = (tab(context, stack, leaked, pages.own) for _ in range(2))
    user = tab(context, stack, deleted, pages.own)
    at_sleeper, at_user = ShopifyStorefront(), ShopifyStorefront()
    at_sleeper.serve(sleeper.page, leaked)
    at_user.serve(user.page, deleted)
    watcher.run("source.subscribe((token) => { window.seen = token.accessToken; });")
    assert [each.run(USE) for each in (sleeper, user)] == [200, 200]
    (old, _), (gone, _) = at_sleeper.asked.pop(), at_user.asked.pop()

    broker.merchant(leaked.name).shopify.rotate(compromised=True)
    rotated = time.monotonic()
    broker.merchant(deleted.name).shopify.revoke(user.run(GET_ID))
    began = time.monotonic()
    at_user.refused.add(gone)
    with frozen(sleeper.page):
        assert user.run(USE) == 200
        took = time.monotonic() - began
        while time.monotonic() < rotated + REVOKED_AFTER:
            watcher.page.wait_for_timeout(200)

    assert 1 < took < 35, f"{took:.1f} s"
    at_sleeper.refused.add(old)
    network = Network(sleeper.page)
    assert sleeper.run(USE) == 200
    assert [accepted for _, accepted in at_sleeper.asked] == [False, True]
    assert network.wire_statuses(1).count(200) == 1, "one request to the API"
    watcher.run("document.dispatchEvent(new Event('visibilitychange'));")
    watcher.page.wait_for_function("old => window.seen !== old", arg=old)
