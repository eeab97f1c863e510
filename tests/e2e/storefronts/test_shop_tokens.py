"""A shop's token for a page: by its exact origin and the merchant's policy, and for no other page."""

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.routes import STOREFRONT_FOURTHWALL, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import Shops, page, page_token, readable_by, refused_by_gateway
from token_broker_client import TokenBroker

by_path = pytest.mark.parametrize(
    ("provider", "path"), [("fourthwall", STOREFRONT_FOURTHWALL), ("shopify", STOREFRONT_SHOPIFY)]
)


@by_path
def test_a_page_gets_the_token_that_the_backend_gets(
    stack: Stack, broker: TokenBroker, control: ControlClient, shops: Shops, provider: str, path: str
) -> None:
    shop = shops.open()
    url = path.format(merchant=shop.name)

    first = page(stack, url, shop.origin)
    token = page_token(first, shop.origin)
    again = page(stack, url, shop.origin, headers={"If-None-Match": first.headers["ETag"], "Cache-Control": "no-cache"})

    assert (token["merchant"], token["subject"]) == (shop.name, "shop")
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    readable_by(again, shop.origin)
    assert getattr(broker.merchant(shop.name), provider).current().access_token == token["accessToken"]
    assert len(control.requests(provider)) == 1, "one token for all"


@by_path
def test_other_pages_and_other_merchants_are_refused_by_the_gateway(
    stack: Stack, control: ControlClient, shops: Shops, provider: str, path: str
) -> None:
    shop, closed = shops.open(), shops.closed()

    for origin in (None, "null", "*", f"{shop.origin}.evil.com", f"{shop.origin}:443", closed.origin):
        refused_by_gateway(page(stack, path.format(merchant=shop.name), origin), 403, "forbidden")
    refused_by_gateway(page(stack, path.format(merchant=closed.name), closed.origin), 403, "forbidden")

    assert control.requests(provider) == []
