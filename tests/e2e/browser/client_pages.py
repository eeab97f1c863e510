"""Pages that have the browser client's script, and a provider that accepts what a test says."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route

from sandbox.local_stack import Stack
from tests.e2e.support.javascript import CLIENT, SCRIPT, node
from tests.e2e.support.storefronts import Shop

TOKEN_HEADER = "x-shopify-storefront-access-token"

#: The page's clock can be set, as a visitor or a sleeping device does it: `skew` is in milliseconds.
CLOCK = "{ const now = Date.now; window.skew = 0; Date.now = () => now() + window.skew; }"


@dataclass
class ShopifyStorefront:
    """Stand in for Shopify's Storefront API. It accepts every token but the refused ones."""

    refused: set[str] = field(default_factory=set)
    #: The token of each request, and whether it was accepted.
    asked: list[tuple[str, bool]] = field(default_factory=list)

    def serve(self, page: Page, shop: Shop) -> None:
        """Answer this page. Playwright then hides preflights and turns the browser's cache off."""
        page.route(f"https://{shop.name}.myshopify.com/**", self._answer)

    def _answer(self, route: Route) -> None:
        token = route.request.headers[TOKEN_HEADER]
        accepted = token not in self.refused
        self.asked.append((token, accepted))
        allowed = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
        route.fulfill(status=200 if accepted else 401, body="{}", headers=allowed)


@dataclass(frozen=True)
class Tab:
    """One page of a shop, with a source of its tokens as `source`."""

    page: Page

    def run(self, script: str, **values: object) -> Any:
        """Return what the script returns. Its names are `source`, and those of `values`."""
        names = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
        return self.page.evaluate(f"async () => {{ {names}{script} }}")

    def outcome(self, script: str) -> Any:
        """Return the script's value, or the error's code and request id."""
        return self.run(f"try {{ {script} }} catch ({{ code, requestId }}) {{ return {{ code, requestId }}; }}")


def tab(context: BrowserContext, stack: Stack, shop: Shop, origin: str, *, skew: int = 0) -> Tab:
    """Open a page of the shop. `skew` sets its wall clock, in milliseconds."""
    page = context.new_page()
    page.add_init_script(CLOCK.replace("window.skew = 0", f"window.skew = {skew}"))
    page.add_init_script(path=SCRIPT)
    page.goto(origin)
    made = Tab(page)
    made.run(
        "window.broker = TokenBroker.tokenBroker({ url, merchant }); window.source = broker.shopify();",
        url=stack.api_url,
        merchant=shop.name,
    )
    return made


def react_page() -> str:
    """Return the script of clients/js/tests/react_page.mjs, with React and the hook."""
    paths = (node(), CLIENT / "node_modules/esbuild/bin/esbuild", CLIENT / "tests/react_page.mjs")
    command = [*(str(path) for path in paths), "--bundle"]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout


@contextmanager
def frozen(page: Page) -> Iterator[None]:
    """Stop the page's tasks and timers, as browsers do with tabs in the background."""
    session = page.context.new_cdp_session(page)
    session.send("Page.setWebLifecycleState", {"state": "frozen"})
    try:
        yield
    finally:
        session.send("Page.setWebLifecycleState", {"state": "active"})
        session.detach()
