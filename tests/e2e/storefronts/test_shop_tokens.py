"""A shop's token for a page: by its exact origin and the merchant's policy, and for no other page."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.support.merchant_shops import Shop, Shops
from tests.e2e.storefronts.support.storefront_requests import page
from tests.e2e.storefronts.support.storefront_responses import (
    page_token,
    readable_by,
    refused_by_function,
    refused_by_gateway,
)
from tests.e2e.support.recorded_aws_calls import CallsSince
from tests.e2e.support.responses import token_of
from tests.e2e.support.routes import FOURTHWALL, SHOPIFY_CURRENT, STOREFRONT_FOURTHWALL, STOREFRONT_SHOPIFY

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

PATHS = (STOREFRONT_FOURTHWALL, STOREFRONT_SHOPIFY)
by_provider = pytest.mark.parametrize("path", PATHS, ids=["fourthwall", "shopify"])


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


@pytest.mark.parametrize(
    ("path", "method", "backend"),
    [(STOREFRONT_FOURTHWALL, "PUT", FOURTHWALL), (STOREFRONT_SHOPIFY, "GET", SHOPIFY_CURRENT)],
    ids=["fourthwall", "shopify"],
)
def test_a_page_gets_the_token_that_the_backend_gets(
    stack: Stack, control: ControlClient, shops: Shops, path: str, method: str, backend: str
) -> None:
    shop = shops.open()

    token = page_token(page(stack, path.format(merchant=shop.name), shop.origin), shop.origin)

    assert (token["merchant"], token["subject"]) == (shop.name, "shop")
    assert token_of(stack.call(method, backend.format(merchant=shop.name))) == token
    assert len(control.requests(token["provider"])) == 1, "one token for both"


def test_each_origin_of_the_policy_is_answered_with_itself(stack: Stack, shops: Shops) -> None:
    shop = shops.closed()
    others = ["https://checkout.shop.example:8443", "http://localhost:3000", "https://xn--caf-dma.example"]
    shops.put_policy(shop, shop.policy(origins=[shop.origin, *others]))

    tokens = [
        page_token(page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), origin), origin)
        for origin in (shop.origin, *others)
    ]

    assert all(token == tokens[0] for token in tokens)


@by_provider
def test_a_page_that_has_the_token_is_told_so(stack: Stack, shop: Shop, path: str) -> None:
    url = path.format(merchant=shop.name)
    etag = page(stack, url, shop.origin).headers["ETag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = page(stack, url, shop.origin, headers={"If-None-Match": known})
        assert (same.status_code, same.content) == (304, b"")
        assert (same.headers["ETag"], same.headers["Cache-Control"]) == (etag, "public, max-age=30")
        readable_by(same, shop.origin)
    for other in ('"other"', etag.strip('"')):
        page_token(page(stack, url, shop.origin, headers={"If-None-Match": other}), shop.origin)


def test_another_token_has_another_etag(stack: Stack, simulators: ControlClient, shops: Shops) -> None:
    shop = shops.open()
    path = STOREFRONT_FOURTHWALL.format(merchant=shop.name)
    before = page(stack, path, shop.origin)
    simulators.renew_fourthwall_token(shop.name)
    stack.call("PUT", FOURTHWALL.format(merchant=shop.name), headers={"Cache-Control": "no-cache"})

    after = page(stack, path, shop.origin, headers={"If-None-Match": before.headers["ETag"]})

    assert page_token(after, shop.origin)["tokenId"] != before.json()["tokenId"]
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_page_cannot_have_the_provider_asked_again(stack: Stack, control: ControlClient, shop: Shop) -> None:
    """Every reload with the developer tools open sends this header."""
    path = STOREFRONT_FOURTHWALL.format(merchant=shop.name)
    page_token(page(stack, path, shop.origin), shop.origin)
    control.forget_requests()

    for header in ("Cache-Control", "Pragma"):
        page_token(page(stack, path, shop.origin, headers={header: "no-cache"}), shop.origin)

    assert control.requests() == []


@by_provider
def test_a_warm_pages_call_makes_no_call_to_aws(
    stack: Stack, shops: Shops, calls_to_aws: CallsSince, path: str
) -> None:
    """The authorizer's first decision about a merchant is one read; after that, all is in memory."""
    shop = shops.open()
    path = path.format(merchant=shop.name)
    # A process that has just started asks for its credentials, too.
    page(stack, STOREFRONT_SHOPIFY.format(merchant=shops.merchants.nobody()), shop.origin)
    calls_to_aws()

    refused_by_gateway(page(stack, path, "https://evil.com"), 403, "forbidden")
    assert calls_to_aws() == ["GetItem"]
    page_token(page(stack, path, shop.origin), shop.origin)
    assert calls_to_aws()[:1] == ["GetItem"], "the recorder sees what there is to see"
    for _ in range(3):
        page_token(page(stack, path, shop.origin), shop.origin)

    assert calls_to_aws() == []


#: Each is made of the shop's own origin, or of its name.
ALIKE: dict[str, Callable[[str], str]] = {
    "a longer host": lambda origin: f"{origin}.evil.com",
    "a longer host behind a hyphen": lambda origin: f"{origin}-evil.com",
    "a host before it": lambda origin: origin.replace("https://", "https://evil."),
    "its name as a part of another's": lambda origin: origin.replace("https://", "https://evil"),
    "as a user's name": lambda origin: f"{origin}@evil.com",
    "as a path": lambda origin: f"https://evil.com/{origin}",
    "as a query": lambda origin: f"https://evil.com?{origin}",
    "http": lambda origin: origin.replace("https:", "http:"),
    "a scheme in upper case": lambda origin: origin.replace("https:", "HTTPS:"),
    "a host in upper case": lambda origin: origin.replace("example", "EXAMPLE"),
    "another port": lambda origin: f"{origin}:8443",
    "the default port": lambda origin: f"{origin}:443",
    "an empty port": lambda origin: f"{origin}:",
    "a dot at its end": lambda origin: f"{origin}.",
    "a slash at its end": lambda origin: f"{origin}/",
    "a fragment": lambda origin: f"{origin}#",
    "a backslash": lambda origin: f"{origin}\\.evil.com",
    "no scheme": lambda origin: origin.removeprefix("https://"),
    "any scheme": lambda origin: origin.removeprefix("https:"),
    "quoted": lambda origin: f'"{origin}"',
    "twice, with a comma": lambda origin: f"{origin}, {origin}",
    "with another, after a comma": lambda origin: f"https://evil.com,{origin}",
    "with another, after a blank": lambda origin: f"{origin} https://evil.com",
    "null": lambda _: "null",
    "a wildcard": lambda _: "*",
    "a wildcard for the host": lambda _: "https://*.example",
    "nothing": lambda _: "",
    "another script's letter": lambda origin: origin.replace("store-", "st\u00f6re-"),
    "percent-encoded": lambda origin: origin.replace("s://", "s:%2f%2f"),
}


@pytest.mark.parametrize("alike", ALIKE.values(), ids=ALIKE)
def test_an_origin_that_only_looks_alike_gets_nothing(
    stack: Stack, control: ControlClient, shop: Shop, alike: Callable[[str], str]
) -> None:
    origin = alike(shop.origin)
    # As a browser would send it, whatever letters it holds.
    headers = {"Origin": origin.encode()} if not origin.isascii() else {"Origin": origin}

    response = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), None, headers=headers)  # type: ignore[arg-type]

    refused_by_gateway(response, 403, "forbidden")
    assert control.requests() == []


def test_who_says_no_origin_gets_nothing(stack: Stack, control: ControlClient, shop: Shop) -> None:
    path = STOREFRONT_SHOPIFY.format(merchant=shop.name)

    for headers in ({}, {"Referer": f"{shop.origin}/"}, {"X-Origin": shop.origin}, {"Host": f"{shop.name}.example"}):
        refused_by_gateway(page(stack, path, None, headers=headers), 403, "forbidden")

    assert control.requests() == []


@by_provider
def test_the_policy_of_one_merchant_says_nothing_for_another(
    stack: Stack, control: ControlClient, shops: Shops, shop: Shop, path: str
) -> None:
    other = shops.open()

    refused_by_gateway(page(stack, path.format(merchant=other.name), shop.origin), 403, "forbidden")
    refused_by_gateway(page(stack, path.format(merchant=shop.name), other.origin), 403, "forbidden")

    assert control.requests() == []
    page_token(page(stack, path.format(merchant=other.name), other.origin), other.origin)


@by_provider
def test_without_a_policy_all_is_closed(stack: Stack, control: ControlClient, shops: Shops, path: str) -> None:
    shop = shops.closed()

    refused_by_gateway(page(stack, path.format(merchant=shop.name), shop.origin), 403, "forbidden")

    assert control.requests() == []


@pytest.mark.parametrize("anonymous", [None, [], ["fourthwall/public-token"], ["shopify/storefront-access-token"]])
def test_a_page_gets_what_the_policy_names_and_no_more(
    stack: Stack, control: ControlClient, shops: Shops, anonymous: list[str] | None
) -> None:
    shop = shops.open(anonymous=anonymous)

    for path in PATHS:
        response = page(stack, path.format(merchant=shop.name), shop.origin)
        if path.removeprefix("/storefront/{merchant}/") in (anonymous or []):
            page_token(response, shop.origin)
        else:
            refused_by_gateway(response, 403, "forbidden")

    assert len(control.requests()) == len(anonymous or [])


@pytest.mark.parametrize("origins", [["*"], ["null"], ["https://*.example"]])
def test_a_policy_that_no_route_would_have_stored_opens_nothing(
    stack: Stack, control: ControlClient, shops: Shops, origins: list[str]
) -> None:
    shop = shops.closed()
    shops.smuggle_policy(shop, shop.policy(origins=[shop.origin, *origins]))

    for origin in (shop.origin, *origins):
        refused_by_gateway(page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), origin), 403, "forbidden")

    assert control.requests() == []


def test_a_policy_opens_no_merchant_without_a_secret(stack: Stack, shops: Shops) -> None:
    shop = Shop(shops.merchants.nobody(), "")
    shops.put_policy(shop, shop.policy())

    response = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin)

    refused_by_function(response, 404, "merchant_not_found", shop.origin)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"status": 402, "body": {"errors": "canary-of-the-provider"}}, 503, "shop_unavailable"),
        ({"status": 429, "headers": {"Retry-After": "7"}, "times": 3}, 503, "provider_throttled"),
        (
            {"status": 401, "body": {"errors": "canary-of-the-provider"}, "times": 2},
            502,
            "provider_rejected_credentials",
        ),
    ],
)
def test_what_a_provider_says_about_a_failure_is_not_for_pages_and_no_page_has_it_asked_again_at_once(
    stack: Stack, control: ControlClient, shops: Shops, fault: dict[str, Any], status: int, code: str
) -> None:
    shop = shops.open()
    control.fault("shopify", "status", **fault)

    first = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin)
    control.forget_faults()
    control.forget_requests()
    again = page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin)

    for response in (first, again):
        refused_by_function(response, status, code, shop.origin)
        assert "canary" not in response.text
        assert "Shopify" not in response.text
    assert control.requests() == []
    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)))
