"""Paths and headers that no honest client writes, sent byte for byte.

The gateway decodes a path before it looks for the route. What it then takes for the plain path is the plain path, and
the merchant's own policy judges it; anything else is refused. Nothing ever leads to another merchant.
"""

import json
from collections.abc import Callable

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.storefronts.support.merchant_shops import Shop, Shops
from tests.e2e.storefronts.support.storefront_responses import (
    page_token,
    refused_by_function,
    refused_by_gateway,
    session_token,
)
from tests.e2e.support.raw_http import Headers, exchange
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import STOREFRONT_CHICKSX, STOREFRONT_SHOPIFY

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    """Whose storefront it is."""
    return shops.open()


@pytest.fixture(scope="module")
def victim(shops: Shops) -> Shop:
    """Whose tokens it must not get."""
    return shops.open()


def ask(stack: Stack, path: str | bytes, shop: Shop) -> requests.Response:
    """Send a request as a page of this shop."""
    return exchange(stack, "GET", path, [("Origin", shop.origin)])


def ask_session(stack: Stack, path: str, shop: Shop) -> requests.Response:
    """Send a request with a proof of this shop."""
    body = b'{"sessionId":"checkout-1"}'
    headers = [("Authorization", f"Bearer {shop.proof()}"), ("Content-Length", str(len(body)))]
    return exchange(stack, "POST", path, headers, body)


def refused(response: requests.Response) -> None:
    """By the gateway, an authorizer, the function, or (without a word) the server's parser."""
    assert response.status_code in (400, 401, 403), response.text
    assert "accessToken" not in response.text


#: In the merchant's place, made of the own name and the victim's; `%2E` is a dot, `%2F` a slash.
NAMES: dict[str, Callable[[str, str], str]] = {
    "dots up to the victim": lambda own, victim: f"{own}/../{victim}",
    "encoded dots": lambda own, victim: f"{own}/%2e%2e/{victim}",
    "encoded slashes": lambda own, victim: f"{own}%2F..%2F{victim}",
    "all encoded": lambda own, victim: f"{own}%2f%2e%2e%2f{victim}",
    "encoded twice": lambda own, victim: f"{own}%252f%252e%252e%252f{victim}",
    "overlong slashes": lambda own, victim: f"{own}%c0%af..%c0%af{victim}",
    "backslashes": lambda own, victim: f"{own}\\..\\{victim}",
    "encoded backslashes": lambda own, victim: f"{own}%5c..%5c{victim}",
    "the victim, and back": lambda own, victim: f"{victim}/../{own}",
    "parameters": lambda own, victim: f"{victim};merchant={own}",
    "a parameter's mark": lambda own, _: f"{own};",
    "an encoded one": lambda own, _: f"{own}%3B",
    "a comma": lambda own, victim: f"{own},{victim}",
    "NUL": lambda own, victim: f"{victim}%00{own}",
    "a line's end": lambda own, _: f"{own}%0d%0aX-Merchant:x",
    "a query's mark": lambda own, victim: f"{victim}%3Fmerchant={own}",
    "a fragment's mark": lambda own, victim: f"{victim}%23{own}",
    "upper case": lambda own, _: own.upper(),
    "one letter in upper case": lambda own, _: own.capitalize(),
    "a blank": lambda own, _: f"{own}%20",
    "a plus": lambda own, _: f"+{own}",
    "a dot at its end": lambda own, _: f"{own}.",
    "an encoded dot at its end": lambda own, _: f"{own}%2e",
    "dots at its end": lambda own, _: f"{own}/.",
    "dots alone": lambda *_: "..",
    "encoded dots alone": lambda *_: "%2e%2e",
    "another script's letter": lambda own, _: own.replace("s", "%ef%bd%93", 1),
    "no UTF-8": lambda own, _: f"{own}%ff",
    "a wildcard": lambda *_: "*",
    "the route's own name for it": lambda *_: "{merchant}",
    "64 letters": lambda *_: "a" * 64,
    "5,000 letters": lambda *_: "a" * 5_000,
    "nothing": lambda *_: "",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_crooked_name_leads_to_no_merchant(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop, name: Callable[[str, str], str]
) -> None:
    crooked = name(shop.name, victim.name)

    refused(ask(stack, STOREFRONT_SHOPIFY.replace("{merchant}", crooked), shop))

    assert control.requests() == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_crooked_name_leads_no_proof_to_another_merchant(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop, name: Callable[[str, str], str]
) -> None:
    crooked = name(shop.name, victim.name)

    refused(ask_session(stack, STOREFRONT_CHICKSX.replace("{merchant}", crooked), shop))

    assert control.requests() == []


#: The whole path.
PATHS = {
    "a slash at its end": "/storefront/{merchant}/shopify/storefront-access-token/",
    "slashes at its end": "/storefront/{merchant}/shopify/storefront-access-token//",
    "a slash twice": "/storefront/{merchant}//shopify/storefront-access-token",
    "a slash twice, encoded": "/storefront/{merchant}%2F/shopify/storefront-access-token",
    "a dot at its end": "/storefront/{merchant}/shopify/storefront-access-token.",
    "a dot as a part": "/storefront/{merchant}/./shopify/storefront-access-token",
    "an encoded dot as a part": "/storefront/{merchant}/%2e/shopify/storefront-access-token",
    "out and in again": "/storefront/{merchant}/shopify/../shopify/storefront-access-token",
    "out of the stage": "/../v1/storefront/{merchant}/shopify/storefront-access-token",
    "out of the backends' routes": "/merchants/../storefront/{merchant}/shopify/storefront-access-token",
    "into the backends' routes": "/storefront/../merchants/{merchant}/shopify/storefront-access-token",
    "into the backends' routes, encoded": "/storefront/%2e%2e/merchants/{merchant}/shopify/storefront-access-token",
    "upper case": "/STOREFRONT/{merchant}/shopify/storefront-access-token",
    "mixed case": "/storefront/{merchant}/Shopify/storefront-access-token",
    "parameters": "/storefront;x/{merchant}/shopify/storefront-access-token",
    "parameters at its end": "/storefront/{merchant}/shopify/storefront-access-token;x=1",
    "a suffix": "/storefront/{merchant}/shopify/storefront-access-token.json",
    "NUL at its end": "/storefront/{merchant}/shopify/storefront-access-token%00",
    "the list": "/storefront/{merchant}/shopify/storefront-access-tokens",
    "the policy": "/storefront/{merchant}/trust-policy",
    "nothing behind the merchant": "/storefront/{merchant}",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_crooked_path_is_no_route(stack: Stack, control: ControlClient, shop: Shop, path: str) -> None:
    refused(ask(stack, path.format(merchant=shop.name), shop))
    assert control.requests() == []


#: RFC 3986, 6.2.2.2 and 6.2.3: other ways to write the same.
SAME = {
    "an encoded letter of the route": "/storefront/{merchant}/shop%69fy/storefront-access-token",
    "an encoded hyphen": "/storefront/{merchant}/shopify/storefront%2Daccess%2dtoken",
    "an encoded letter of the name": "/storefront/%73{rest}/shopify/storefront-access-token",
    "an encoded slash of the route": "/storefront/{merchant}/shopify%2Fstorefront-access-token",
    "two slashes in front": "//storefront/{merchant}/shopify/storefront-access-token",
}


@pytest.mark.parametrize("path", SAME.values(), ids=SAME)
def test_another_way_to_write_the_same_path_opens_no_more(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop, path: str
) -> None:
    """To the merchant's own pages, at most; to others it is as closed."""
    written = path.format(merchant=shop.name, rest=shop.name[1:])

    refused(ask(stack, written, victim))
    assert control.requests() == []
    own = ask(stack, written, shop)
    if own.status_code == 200:
        assert page_token(own, shop.origin)["merchant"] == shop.name
    else:
        refused(own)


@pytest.mark.parametrize("path", [b"/storefront/\x00", b"/storefront/\xc3\xa9", b"/storefront/a b", b"/storefront/\t"])
def test_bytes_that_no_path_has_are_refused(stack: Stack, shop: Shop, path: bytes) -> None:
    assert ask(stack, path + b"/shopify/storefront-access-token", shop).status_code == 400


# ----------------------------------------------------------------------------------------------------------- headers

ORIGINS: dict[str, Callable[[str], Headers]] = {
    "twice": lambda origin: [("Origin", origin), ("Origin", origin)],
    "twice, the right one last": lambda origin: [("Origin", "https://evil.com"), ("Origin", origin)],
    "twice, the right one first": lambda origin: [("Origin", origin), ("origin", "https://evil.com")],
    "folded": lambda origin: [("Origin", f"{origin}\r\n .evil.com")],
    "folded with a comma": lambda origin: [("Origin", f"https://evil.com,\r\n\t{origin}")],
    "a blank before the colon": lambda origin: [("Origin ", origin)],
    "NUL behind it": lambda origin: [("Origin", f"{origin}\0")],
    "in Latin-1": lambda origin: [("Origin", origin.encode().replace(b"e", b"\xe9", 1))],
    "another name for it": lambda origin: [("X-Origin", origin), ("X_Origin", origin), ("X-Amz-Origin", origin)],
    "the referer": lambda origin: [("Referer", f"{origin}/"), ("Sec-Fetch-Site", "same-origin")],
    "what proxies say": lambda origin: [
        ("Origin", "https://evil.com"),
        ("X-Forwarded-Host", origin.removeprefix("https://")),
        ("X-Forwarded-Origin", origin),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", f"for=127.0.0.1;host={origin.removeprefix('https://')}"),
    ],
    "another address of the request": lambda origin: [
        ("Origin", "https://evil.com"),
        ("X-Original-URL", "/storefront/demo/shopify/storefront-access-token"),
        ("X-Rewrite-URL", "/storefront/demo/shopify/storefront-access-token"),
    ],
    "what an authorizer would say": lambda origin: [
        ("Origin", "https://evil.com"),
        ("X-Amzn-Authorizer", json.dumps({"origins": origin})),
        ("X-Amz-Authorizer-Context", json.dumps({"origins": origin})),
        ("X-Apigateway-Event", json.dumps({"requestContext": {"authorizer": {"origins": origin}}})),
        ("origins", origin),
        ("principalId", "storefront"),
    ],
}


@pytest.mark.parametrize("headers", ORIGINS.values(), ids=ORIGINS)
def test_an_origin_counts_once_and_in_its_place_only(
    stack: Stack, control: ControlClient, shop: Shop, headers: Callable[[str], Headers]
) -> None:
    refused(exchange(stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), headers(shop.origin)))
    assert control.requests() == []


def test_blanks_around_an_origin_are_no_part_of_it(stack: Stack, shop: Shop) -> None:
    """RFC 9110, 5.5; what is answered is the policy's own text."""
    response = exchange(
        stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), [("Origin", f"\t {shop.origin}  ")]
    )

    page_token(response, shop.origin)


def test_headers_that_name_another_method_or_merchant_change_nothing(
    stack: Stack, control: ControlClient, shop: Shop, victim: Shop
) -> None:
    headers = [
        ("Origin", shop.origin),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Merchant", victim.name),
        ("merchant", victim.name),
        ("X-Amzn-Authorizer-Merchant", victim.name),
    ]
    token = page_token(exchange(stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), headers), shop.origin)

    assert token["merchant"] == shop.name
    assert not [seen for seen in control.requests() if seen["method"] == "DELETE"]


#: Each beside the good proof, or instead of it.
AUTHORIZATIONS: dict[str, Callable[[Shop], Headers]] = {
    "with another": lambda shop: [("Authorization", f"Bearer {shop.proof()}"), ("authorization", "Bearer x.y.z")],
    "a tab": lambda shop: [("Authorization", f"Bearer\t{shop.proof()}")],
}


@pytest.mark.parametrize("headers", AUTHORIZATIONS.values(), ids=AUTHORIZATIONS)
def test_a_proof_counts_once_and_as_it_is_written(
    stack: Stack, control: ControlClient, shop: Shop, headers: Callable[[Shop], Headers]
) -> None:
    body = b'{"sessionId":"checkout-1"}'
    sent = [*headers(shop), ("Content-Length", str(len(body)))]

    response = exchange(stack, "POST", STOREFRONT_CHICKSX.format(merchant=shop.name), sent, body)

    refused_by_gateway(response, 401, "unauthenticated")
    assert control.requests() == []


@pytest.mark.parametrize("end", ["\r", "\0"])
def test_a_header_holds_no_line_of_its_own(stack: Stack, control: ControlClient, shop: Shop, end: str) -> None:
    body = b'{"sessionId":"checkout-1"}'
    headers = [
        ("Authorization", f"Bearer {shop.proof()}{end}Origin: {shop.origin}"),
        ("Content-Length", str(len(body))),
    ]

    assert exchange(stack, "POST", STOREFRONT_CHICKSX.format(merchant=shop.name), headers, body).status_code == 400
    assert control.requests() == []


def test_the_schemes_name_may_be_in_any_case(stack: Stack, shop: Shop) -> None:
    """RFC 9110, 11.1."""
    body = b'{"sessionId":"any-case"}'
    headers = [("Authorization", f"bEaReR {shop.proof('any-case')}"), ("Content-Length", str(len(body)))]

    session_token(exchange(stack, "POST", STOREFRONT_CHICKSX.format(merchant=shop.name), headers, body), 201)


SMUGGLED: dict[str, tuple[Headers, bytes]] = {
    "two lengths": ([("Content-Length", "0"), ("Content-Length", "26")], b'{"sessionId":"checkout-1"}'),
    "a length and chunks": (
        [("Content-Length", "4"), ("Transfer-Encoding", "chunked")],
        b'1a\r\n{"sessionId":"checkout-1"}\r\n0\r\n\r\n',
    ),
    "an unknown encoding": ([("Transfer-Encoding", "chunked, identity")], b'{"sessionId":"checkout-1"}'),
    "a length with a sign": ([("Content-Length", "+26")], b'{"sessionId":"checkout-1"}'),
    "a length in hex": ([("Content-Length", "0x1a")], b'{"sessionId":"checkout-1"}'),
    "a second request behind it": (
        [("Content-Length", "0")],
        b"GET /_aws/execute-api/x/v1/storefront/demo/shopify/storefront-access-token HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    "a second host": ([("Host", "evil.com"), ("Content-Length", "26")], b'{"sessionId":"checkout-1"}'),
}


@pytest.mark.parametrize(("headers", "body"), SMUGGLED.values(), ids=SMUGGLED)
def test_a_body_whose_end_is_in_doubt_is_not_read(
    stack: Stack, control: ControlClient, shop: Shop, headers: Headers, body: bytes
) -> None:
    sent = [("Authorization", f"Bearer {shop.proof()}"), *headers]

    response = exchange(stack, "POST", STOREFRONT_CHICKSX.format(merchant=shop.name), sent, body)

    assert response.status_code in (400, 501), response.text
    assert "accessToken" not in response.text
    assert control.requests() == []


def test_a_chunked_body_is_a_body(stack: Stack, shop: Shop) -> None:
    body = b'{"sessionId":"chunked"}'
    headers = [("Authorization", f"Bearer {shop.proof('chunked')}"), ("Transfer-Encoding", "chunked")]

    response = exchange(
        stack,
        "POST",
        STOREFRONT_CHICKSX.format(merchant=shop.name),
        headers,
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    )

    session_token(response, 201)


def test_a_get_with_a_body_is_no_way_to_name_fields(stack: Stack, control: ControlClient, shop: Shop) -> None:
    body = b'{"merchant":"demo"}'
    headers = [("Origin", shop.origin), ("Content-Length", str(len(body)))]

    response = exchange(stack, "GET", STOREFRONT_SHOPIFY.format(merchant=shop.name), headers, body)

    refused_by_function(response, 400, "invalid_request", shop.origin)
    assert control.requests() == []


def test_a_request_id_that_a_client_made_up_is_no_problem(stack: Stack, shop: Shop) -> None:
    headers = [("Origin", shop.origin), ("X-Request-Id", "made-up"), ("x-amzn-RequestId", "made-up")]

    response = exchange(stack, "GET", f"{STOREFRONT_SHOPIFY.format(merchant=shop.name)}?x=1", headers)

    problem = problem_of(response, 400, "invalid_request")
    assert problem["requestId"] == response.headers["X-Request-Id"] != "made-up"
