"""Paths and headers that no honest client writes, sent byte for byte.

The gateway decodes a path before it looks for the route. What it then takes for the plain path is the plain path, and
the merchant's own policy judges it; anything else is refused. Nothing ever leads to another merchant.
"""

from collections.abc import Sequence

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.raw_http import exchange
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import CLIENT_SHOPIFY, STOREFRONT_CHICKSX, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import (
    Shop,
    Shops,
    client_token,
    page_token,
    refused_by_gateway,
    session_token,
)

BODY = b'{"sessionId":"checkout-1"}'


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    """Whose storefront it is."""
    return shops.open()


@pytest.fixture(scope="module")
def victim(shops: Shops) -> Shop:
    """Whose tokens it must not get."""
    return shops.open()


def ask(stack: Stack, path: str, shop: Shop) -> requests.Response:
    """Send a request as a page of this shop."""
    return exchange(stack, "GET", path, [("Origin", shop.origin)])


def show(stack: Stack, path: str, *authorization: str, more: Sequence[tuple[str, str]] = ()) -> requests.Response:
    """Send a client's request with these Authorization headers."""
    return exchange(stack, "GET", path, [*(("Authorization", each) for each in authorization), *more])


def prove(stack: Stack, path: str, *authorization: str) -> requests.Response:
    """Send a session's request with these Authorization headers."""
    headers = [("Authorization", each) for each in authorization]
    return exchange(stack, "POST", path, [*headers, ("Content-Length", str(len(BODY)))], BODY)


def refused(response: requests.Response) -> None:
    """By the gateway, an authorizer, the function, or (without a word) the server's parser."""
    assert response.status_code in (400, 401, 403), response.text
    assert "accessToken" not in response.text


#: In the merchant's place; `%2E` is a dot, `%2F` a slash.
NAMES = (
    "{own}/../{victim}",
    "{own}%2F..%2F{victim}",
    "{own}%252f..%252f{victim}",
    "{victim};merchant={own}",
    "{victim}%00{own}",
    "{victim}%3Fmerchant={own}",
    "{own}%0d%0aX-Merchant:x",
    "{own}%ff",
    "%7Bmerchant%7D",
)
#: The whole path.
PATHS = (
    f"{STOREFRONT_SHOPIFY}/",
    STOREFRONT_SHOPIFY.replace("/shopify", "//shopify"),
    STOREFRONT_SHOPIFY.upper().replace("{MERCHANT}", "{merchant}"),
    f"/merchants/..{STOREFRONT_SHOPIFY}",
    STOREFRONT_SHOPIFY.replace("/storefront/", "/storefront/%2e%2e/merchants/"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_crooked_name_leads_to_no_merchant(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop, name: str
) -> None:
    crooked = name.format(own=shop.name, victim=victim.name)

    refused(ask(stack, STOREFRONT_SHOPIFY.replace("{merchant}", crooked), shop))
    refused(prove(stack, STOREFRONT_CHICKSX.replace("{merchant}", crooked), f"Bearer {shop.proof()}"))
    refused(show(stack, CLIENT_SHOPIFY.replace("{merchant}", crooked), f"Bearer {shop.client_proof()}"))

    assert control.requests() == []


@pytest.mark.parametrize("path", PATHS)
def test_a_crooked_path_is_no_route(stack: Stack, control: ControlClient, shop: Shop, path: str) -> None:
    refused(ask(stack, path.format(merchant=shop.name), shop))
    clients = (
        path.replace("storefront/{", "clients/{").replace("STOREFRONT/{", "CLIENTS/{").replace("STOREFRONT-", "S-")
    )
    refused(show(stack, clients.format(merchant=shop.name), f"Bearer {shop.client_proof()}"))
    assert control.requests() == []


@pytest.mark.parametrize(("plain", "encoded"), [("shopify", "shop%69fy"), ("fy/", "fy%2F"), ("/store-", "/%73tore-")])
def test_another_way_to_write_the_same_path_opens_no_more(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop, plain: str, encoded: str
) -> None:
    """RFC 3986, 6.2.2.2: it leads to the merchant's own pages, at most; to others it is as closed."""
    written = STOREFRONT_SHOPIFY.format(merchant=shop.name).replace(plain, encoded, 1)

    refused(ask(stack, written, victim))
    assert control.requests() == []
    own = ask(stack, written, shop)
    if own.status_code == 200:
        assert page_token(own, shop.origin)["merchant"] == shop.name
    else:
        refused(own)


def test_an_origin_counts_once_and_in_its_place_only(stack: Stack, control: ControlClient, shop: Shop) -> None:
    evil = ("Origin", "https://evil.com")

    for headers in (
        [("Origin", shop.origin), ("origin", "https://evil.com")],
        [("Origin", f"https://evil.com,\r\n\t{shop.origin}")],
        [("X-Origin", shop.origin), ("X_Origin", shop.origin), ("Referer", f"{shop.origin}/")],
        [evil, ("X-Amz-Authorizer-Context", f'{{"origins": "{shop.origin}"}}'), ("origins", shop.origin)],
    ):
        refused(exchange(stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), headers))
    assert control.requests() == []


def test_headers_that_name_another_method_or_merchant_change_nothing(stack: Stack, shop: Shop, victim: Shop) -> None:
    """Blanks around an origin are no part of it (RFC 9110, 5.5)."""
    headers = [
        ("Origin", f"\t {shop.origin}  "),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Amzn-Authorizer-Merchant", victim.name),
        ("merchant", victim.name),
    ]

    response = exchange(stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), headers)

    assert page_token(response, shop.origin)["merchant"] == shop.name


def test_a_proof_counts_once_and_as_it_is_written(stack: Stack, control: ControlClient, shop: Shop) -> None:
    path, proof = STOREFRONT_CHICKSX.format(merchant=shop.name), shop.proof()

    for authorization in ((f"Bearer {proof}", "Bearer x.y.z"), (f"Bearer\t{proof}",), (f"Basic {proof}",)):
        refused_by_gateway(prove(stack, path, *authorization), 401, "unauthenticated")
    assert control.requests() == []

    session_token(prove(stack, path, f"bEaReR {proof}"), 201)  # RFC 9110, 11.1: the scheme in any case


def test_a_clients_proof_counts_once_and_as_it_is_written_and_no_header_replaces_it(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop
) -> None:
    path, proof = CLIENT_SHOPIFY.format(merchant=shop.name), shop.client_proof()
    context = [("X-Amz-Authorizer-Context", f'{{"merchant": "{shop.name}"}}'), ("clientUntil", "4102444800")]

    for authorization in ((f"Bearer {proof}", "Bearer x.y.z"), (f"Bearer\t{proof}",), (f"Basic {proof}",), (proof,)):
        refused_by_gateway(show(stack, path, *authorization), 401, "unauthenticated")
    for more in ([], context, [("X-Authorization", f"Bearer {proof}")], [("Cookie", f"Authorization={proof}")]):
        refused_by_gateway(show(stack, path, more=more), 401, "unauthenticated")
    refused_by_gateway(show(stack, f"{path}?Authorization=Bearer%20{proof}"), 401, "unauthenticated")
    assert control.requests() == []

    more = [("X-HTTP-Method-Override", "DELETE"), ("merchant", victim.name), ("Cache-Control", "no-cache")]
    assert client_token(show(stack, path, f"bEaReR {proof}", more=more))["merchant"] == shop.name


def test_a_request_id_that_a_client_made_up_is_no_problem(stack: Stack, shop: Shop) -> None:
    headers = [("Origin", shop.origin), ("X-Request-Id", "made-up"), ("x-amzn-RequestId", "made-up")]

    response = exchange(stack, "GET", f"{STOREFRONT_SHOPIFY.format(merchant=shop.name)}?x=1", headers)

    problem = problem_of(response, 400, "invalid_request")
    assert problem["requestId"] == response.headers["X-Request-Id"] != "made-up"
