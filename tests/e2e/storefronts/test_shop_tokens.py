"""A shop's token for a page: by its exact origin and the merchant's policy, and for no other page."""

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.responses import token_of
from tests.e2e.support.routes import FOURTHWALL, SHOPIFY_CURRENT, STOREFRONT_FOURTHWALL, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import Shops, page, page_token, readable_by, refused_by_gateway

by_provider = pytest.mark.parametrize(
    ("path", "method", "backend"),
    [(STOREFRONT_FOURTHWALL, "PUT", FOURTHWALL), (STOREFRONT_SHOPIFY, "GET", SHOPIFY_CURRENT)],
    ids=["fourthwall", "shopify"],
)


@by_provider
def test_a_page_gets_the_token_that_the_backend_gets(
    stack: Stack, control: ControlClient, shops: Shops, path: str, method: str, backend: str
) -> None:
    shop = shops.open()
    url = path.format(merchant=shop.name)

    first = page(stack, url, shop.origin)
    token = page_token(first, shop.origin)
    again = page(stack, url, shop.origin, headers={"If-None-Match": first.headers["ETag"], "Cache-Control": "no-cache"})

    assert (token["merchant"], token["subject"]) == (shop.name, "shop")
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    readable_by(again, shop.origin)
    assert token_of(stack.call(method, backend.format(merchant=shop.name))) == token
    assert len(control.requests(token["provider"])) == 1, "one token for all"


@by_provider
def test_other_pages_and_other_merchants_are_refused_by_the_gateway(
    stack: Stack, control: ControlClient, shops: Shops, path: str, method: str, backend: str
) -> None:
    shop, closed = shops.open(), shops.closed()

    for origin in (None, "null", "*", f"{shop.origin}.evil.com", f"{shop.origin}:443", closed.origin):
        refused_by_gateway(page(stack, path.format(merchant=shop.name), origin), 403, "forbidden")
    refused_by_gateway(page(stack, path.format(merchant=closed.name), closed.origin), 403, "forbidden")

    assert control.requests() == []
