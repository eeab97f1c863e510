"""What a storefront sends: its page with an Origin, or its app without one."""

from collections.abc import Mapping

import requests

from sandbox.signed_api import TIMEOUT_SECONDS, Stack
from tests.e2e.storefronts.support.merchant_shops import Shop
from tests.e2e.support.routes import STOREFRONT_CHICKSX


def page(
    stack: Stack,
    path: str,
    origin: str | None,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """One call as a page makes it; the path follows `apiUrl`."""
    sent = {**({} if origin is None else {"Origin": origin}), **(headers or {})}
    return requests.request(method, stack.api_url + path, headers=sent, timeout=TIMEOUT_SECONDS, allow_redirects=False)


def session(
    stack: Stack,
    shop: Shop | str,
    proof: str | None,
    body: object,
    *,
    origin: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """Ask for a session's token; `body` is sent as JSON, or as it is where it is bytes."""
    name = shop if isinstance(shop, str) else shop.name
    sent = {
        "Content-Type": "application/json",
        **({} if proof is None else {"Authorization": f"Bearer {proof}"}),
        **({} if origin is None else {"Origin": origin}),
        **(headers or {}),
    }
    content = {"data": body} if isinstance(body, bytes) else {"json": body}
    return requests.post(
        stack.api_url + STOREFRONT_CHICKSX.format(merchant=name),
        headers=sent,
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
        **content,
    )
