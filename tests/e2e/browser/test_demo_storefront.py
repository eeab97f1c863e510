"""The demo's shop, as a visitor of it sees it in a real browser."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.browser.chromium import PATIENCE, serving_blank_pages, visitor
from tests.e2e.browser.page_scripts import FETCH
from tests.e2e.support.responses import fingerprint

pytestmark = pytest.mark.audit

#: What the shop shows of how to use each provider's token.
USES = {
    "shopify": '"X-Shopify-Storefront-Access-Token":',
    "fourthwall": '"storefront_token", token.accessToken',
    "chicksx": "authenticationToken: token.accessToken",
}


@pytest.fixture
def shop_url(stack: Stack) -> str:
    return str(stack.described["storefrontUrl"])


def open_shop(page: Page, url: str) -> list[str]:
    """Return what the console says at level error or warning, the uncaught errors and the policy's violations."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective}`))"
    )
    page.goto(url)
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
    return complaints


def card(page: Page, provider: str) -> Locator:
    return page.locator(f"article#{provider}")


def revealed(page: Page, provider: str) -> str:
    """Click the reveal button and return the token's value."""
    name = card(page, provider).get_by_role("heading", level=2).inner_text()
    card(page, provider).get_by_role("button", name=f"Reveal the {name} token").click()
    return card(page, provider).locator(".secret").inner_text()


def test_the_demo_shop_gets_each_token_masks_it_and_shows_its_use_and_life(
    page: Page, shop_url: str, control: ControlClient
) -> None:
    complaints = open_shop(page, shop_url)
    masked, values = page.content(), {}

    for provider, use in USES.items():
        expect(card(page, provider).get_by_role("status")).to_contain_text("Received in")
        expect(card(page, provider).locator(".snippet")).to_contain_text(use)
        value = values[provider] = revealed(page, provider)
        assert value not in masked
        known = control.state()[provider]["demo"]
        held = known["tokens"] if "tokens" in known else [known["token"]]
        assert fingerprint(value) in {token["fingerprint"] for token in held}, provider
        expect(card(page, provider).get_by_text(re.compile("^Request id$"))).to_be_visible()
        if provider != "chicksx":
            expect(card(page, provider).locator(".countdown")).to_contain_text("Does not expire")
    countdown = card(page, "chicksx").locator(".countdown")
    shown = countdown.inner_text()
    assert re.search(r"Expires in (1 h 00|59) min \d\d s", shown)
    expect(countdown).not_to_have_text(shown)
    card(page, "chicksx").get_by_role("button", name=re.compile("^Reveal"), pressed=True).press("Enter")
    assert values["chicksx"] not in page.content()
    assert complaints == []


def test_asking_again_keeps_the_sessions_token_and_a_new_checkout_gets_another(page: Page, shop_url: str) -> None:
    open_shop(page, shop_url)
    status = card(page, "chicksx").get_by_role("status")
    lines = card(page, "chicksx").locator(".log li")
    first = revealed(page, "chicksx")

    card(page, "chicksx").get_by_role("button", name="Skip the caches").click()
    expect(lines.last).to_contain_text("200")
    expect(status).to_contain_text("Received in")
    assert revealed(page, "chicksx") == first

    card(page, "chicksx").get_by_role("button", name="Start a new checkout").click()
    expect(lines.last).to_contain_text("201")
    expect(status).to_contain_text("Received in")
    assert revealed(page, "chicksx") != first


def test_the_demo_shop_shows_from_which_memory_a_token_came(page: Page, shop_url: str) -> None:
    open_shop(page, shop_url)
    last = card(page, "fourthwall").locator(".log li").last

    card(page, "fourthwall").get_by_role("button", name="Ask again").click()
    expect(last).to_contain_text(re.compile("from this page.s memory"))

    page.reload()
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
    expect(last).to_contain_text(re.compile("from this browser.s cache"))

    card(page, "fourthwall").get_by_role("button", name="Skip the caches").click()
    expect(last).to_contain_text("the API")


def test_from_another_origin_the_demo_shop_shows_that_it_is_refused_and_why(
    page: Page, shop_url: str, control: ControlClient
) -> None:
    open_shop(page, shop_url)
    values = [revealed(page, provider) for provider in USES]
    control.forget_requests()

    page.get_by_role("link", name="Try from another origin").click()
    page.wait_for_url("http://localhost:*/")
    page.wait_for_selector("html[data-ready]", timeout=PATIENCE)

    for provider in USES:
        status, code = ("401", "unauthenticated") if provider == "chicksx" else ("403", "forbidden")
        expect(card(page, provider).get_by_role("status")).to_have_text(re.compile(rf"Rejected \({status}\)"))
        problem = card(page, provider).locator(".problem")
        expect(problem).to_contain_text(code)
        expect(problem.locator(".problem-detail")).to_contain_text(" ")
        expect(problem.get_by_text("Request id")).to_be_visible()
        expect(card(page, provider).locator(".token")).to_be_hidden()
    expect(page.locator("#proof")).to_contain_text("Nothing was signed")
    assert not any(value in page.content() for value in values)
    assert control.requests() == [], "no provider was asked for a page that was refused"


def test_no_other_page_gets_a_proof_from_the_shops_backend(page: Page, shop_url: str) -> None:
    open_shop(page, shop_url)  # now the visitor has the shop's cookie
    own = page.evaluate(FETCH, {"url": f"{shop_url}/proof", "init": {"method": "POST"}})
    assert own["status"] == 200
    with serving_blank_pages() as pages:
        for origin in (pages.near, pages.other):
            page.goto(origin)
            for init in ({"method": "POST", "credentials": "include"}, {"method": "POST", "mode": "no-cors"}):
                seen = page.evaluate(FETCH, {"url": f"{shop_url}/proof", "init": init})
                readable = {name: value for name, value in seen.items() if value}
                assert readable in ({"failed": "TypeError: Failed to fetch"}, {"type": "opaque"}), (origin, init)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_demo_shop_fits_a_small_screen(chromium: Browser, shop_url: str, scheme: str) -> None:
    with visitor(chromium, viewport={"width": 360, "height": 740}, color_scheme=scheme) as small:
        page = small.new_page()
        complaints = open_shop(page, shop_url)

        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert complaints == []
