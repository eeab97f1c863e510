"""A real browser for the tests: headless Chromium with a profile of its own, and blank pages on two origins."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

#: Milliseconds; a cold function on a busy machine takes seconds.
PATIENCE = 30_000
FLAGS = (
    *("--headless", "--no-sandbox", "--no-first-run", "--no-proxy-server"),
    *(f"--disable-{what}" for what in ("gpu", "quic", "background-networking", "component-update", "sync")),
)
BLANK = b'<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page</title>'
MISSING = (
    "The browser tests need CHROMIUM to be the path of a Chromium or Chrome: `make test` sets it, and so does "
    '`export CHROMIUM="$(sh requirements/chromium.sh)"`, which installs Debian\'s package or says what to install.'
)


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """One browser process; its profile is a temporary folder, gone afterwards. Fails where there is no browser."""
    path = os.environ.get("CHROMIUM")
    if not path:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE)
        except Error as fault:
            pytest.fail(
                f"CHROMIUM is {path}, which does not start: {fault.message.splitlines()[0]}\n{MISSING}", pytrace=False
            )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visitor(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Somebody with an empty cache and no cookies."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()


@dataclass(frozen=True)
class BlankPages:
    """Serve blank pages on three origins.

    A trust policy names `own`. The origin `other` is another host and another site. The origin `near` is another port
    of the same site, so it shares cookies and the cache's partition with `own`.
    """

    own: str
    other: str
    near: str


@contextmanager
def serving_blank_pages() -> Iterator[BlankPages]:
    """Pages without any policy of their own, so that nothing but the API's answers holds a script back."""
    with _serving() as one, _serving() as two:
        yield BlankPages(f"http://127.0.0.1:{one}", f"http://localhost:{one}", f"http://127.0.0.1:{two}")


@contextmanager
def _serving() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _BlankPage)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _BlankPage(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(BLANK)))
        self.end_headers()
        self.wfile.write(BLANK)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Network:
    """From now on, what really happens behind a page's fetch: Chromium's own view, which no page has."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._events: list[dict[str, Any]] = []
        session = page.context.new_cdp_session(page)
        for event in ("Network.responseReceived", "Network.responseReceivedExtraInfo"):
            session.on(event, self._add)
        session.send("Network.enable")

    def _add(self, event: dict[str, Any]) -> None:
        self._events.append(event)

    def wire_statuses(self, expected: int) -> list[int]:
        """Return the statuses on the wire, including preflights, once the expected number is there or after 5 s.

        The browser reports these statuses separately from the responses, so they can arrive later.
        """
        deadline = time.monotonic() + 5
        while len(seen := self._statuses()) < expected and time.monotonic() < deadline:
            self._page.wait_for_timeout(20)
        return seen

    def _statuses(self) -> list[int]:
        return [event["statusCode"] for event in self._events if "statusCode" in event]

    def from_cache(self) -> int:
        """How many answers came out of the browser's cache without a question to the server."""
        return sum(bool(event.get("response", {}).get("fromDiskCache")) for event in self._events)
