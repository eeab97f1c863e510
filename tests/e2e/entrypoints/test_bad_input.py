"""The real gateway rejects bad requests with the right problem document and without a call to a provider."""

import json

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import checked_problem, problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, ROUTES, SHOPIFY, SHOPIFY_CURRENT, Route
from tests.e2e.support.signing import send, sign
from tests.e2e.support.token_table import TokenTable

BODIES = {
    "nothing": b"",
    "no JSON": b"title=Kiosk",
    "an array": b"[]",
    "a string": b'"Kiosk"',
    "cut short": b'{"title":"Kiosk"',
    "no title": b"{}",
    "a title of null": b'{"title":null}',
    "a title that is a number": b'{"title":5}',
    "a title that is a list": b'{"title":["Kiosk"]}',
    "a title given twice": b'{"title":"Kiosk","title":"Other"}',
    "an unknown field": b'{"title":"Kiosk","scope":[]}',
    "the merchant": b'{"title":"Kiosk","merchant":"demo"}',
    "a header's field": b'{"title":"Kiosk","idempotencyKey":"k"}',
    "NUL": b'{"title":"Ki\\u0000osk"}',
    "a line break": b'{"title":"Ki\\nosk"}',
    "half a surrogate pair": b'{"title":"\\ud83c"}',
    "an empty title": b'{"title":""}',
    "a blank title": b'{"title":" \\t "}',
    "a title of wide blanks": '{"title":"\u3000\u2003"}'.encode(),
    "a title of 151 characters": json.dumps({"title": "x" * 151}).encode(),
    "1 MB": json.dumps({"title": "x" * 1_000_000}).encode(),
    "1 MB of blanks": b'{"title":"Kiosk"' + b" " * 1_000_000 + b"}",
    "deeply nested": b'{"title":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "NaN": b'{"title":NaN}',
    "no UTF-8": b'\xff{"title":"Kiosk"}',
}


@pytest.fixture(scope="module")
def shop(merchants: Merchants) -> Merchant:
    return merchants.shopify()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_right(
    stack: Stack, control: ControlClient, table: TokenTable, shop: Merchant, body: bytes
) -> None:
    problem = problem_of(send(stack, "POST", SHOPIFY.format(merchant=shop.name), body), 400, "invalid_request")

    assert "Kiosk" not in problem["detail"], "a value could be a secret in the wrong field: none is quoted"
    assert control.requests() == []
    assert table.merchant("shopify", shop.name) == {}


def test_titles_for_people_are_taken(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    merchant = merchants.shopify().name
    titles = ["🛍️ Kiosk 👩‍👩‍👧", "Käsekästchen", "店舗", "x" * 150, "🎉" * 150]

    for title in titles:
        assert token_of(stack.call("POST", SHOPIFY.format(merchant=merchant), {"title": title}), 201)["title"] == title

    at_provider = [token["title"] for token in control.state()["shopify"][merchant]["tokens"]]
    assert [title.rpartition(" [tb:")[0] for title in at_provider] == titles


SESSIONS = {
    "no session": {},
    "an empty session": {"sessionId": ""},
    "a session of 257 characters": {"sessionId": "s" * 257},
    "a session with NUL": {"sessionId": "a\0b"},
    "a session that is a number": {"sessionId": 7},
    "a scope that is a string": {"sessionId": "s", "scope": "wallet.read"},
    "a scope with a blank": {"sessionId": "s", "scope": ["wallet read"]},
    "51 scopes": {"sessionId": "s", "scope": [f"scope{number}" for number in range(51)]},
}


@pytest.mark.parametrize("body", SESSIONS.values(), ids=SESSIONS)
def test_a_session_that_is_not_right(stack: Stack, control: ControlClient, body: dict[str, object]) -> None:
    problem_of(stack.call("POST", CHICKSX.format(merchant="demo"), body), 400, "invalid_request")
    assert control.requests() == []


@pytest.mark.parametrize("route", [each for each in ROUTES if each.account], ids=lambda route: route.folder)
def test_an_unknown_merchant(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, route: Route
) -> None:
    name = merchants.nobody()

    problem_of(stack.call(route.method, route.to(name), route.body), 404, "merchant_not_found")

    assert control.requests() == []
    assert table.merchant(route.provider, name) == {}, "an unknown merchant leaves nothing in the table"


MALFORMED = [
    "Demo",
    "-demo",
    "d_emo",
    "demo%20",
    "d%00emo",
    "d%C3%A9mo",
    "demo;x",
    "demo%ff",
    "a" * 64,
    "%2e%2e",
    "..",
    "*",
]


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize(("method", "path"), [("GET", SHOPIFY_CURRENT), ("PUT", FOURTHWALL)])
def test_a_malformed_merchant(stack: Stack, control: ControlClient, method: str, path: str, name: str) -> None:
    problem_of(send(stack, method, path.format(merchant=name)), 400, "invalid_request")
    assert control.requests() == []


IDS = ["9" * 30, "abc", "0", "-1", "1.5", "0x10", "007", "1e5", "%EF%BC%91", "1%20", "1%00"]


@pytest.mark.parametrize("token_id", IDS)
def test_a_malformed_token_id(stack: Stack, control: ControlClient, shop: Merchant, token_id: str) -> None:
    problem_of(send(stack, "DELETE", f"{SHOPIFY.format(merchant=shop.name)}/{token_id}"), 400, "invalid_request")
    assert control.requests() == []


def test_a_token_that_nobody_knows(stack: Stack, shop: Merchant) -> None:
    for token_id in ("5", "9" * 20):
        response = stack.call("DELETE", f"{SHOPIFY.format(merchant=shop.name)}/{token_id}")
        problem_of(response, 404, "token_not_found")


NO_ROUTES = [
    ("GET", SHOPIFY_CURRENT.format(merchant="demo%2Fother")),
    ("GET", SHOPIFY_CURRENT.format(merchant="demo%2f..%2fdemo")),
    ("GET", SHOPIFY_CURRENT.format(merchant="")),
    ("DELETE", SHOPIFY.format(merchant="demo") + "/1%2F2"),
    ("GET", "/merchants"),
    ("GET", "/merchants/demo"),
    ("GET", "/../v1/merchants/demo/shopify/storefront-access-token"),
    ("PATCH", SHOPIFY_CURRENT.format(merchant="demo")),
    ("POST", SHOPIFY_CURRENT.format(merchant="demo")),
    ("GET", FOURTHWALL.format(merchant="demo")),
    ("GET", CHICKSX.format(merchant="demo")),
    ("DELETE", SHOPIFY.format(merchant="demo")),
]


@pytest.mark.parametrize(("method", "path"), NO_ROUTES)
def test_a_path_or_method_that_does_not_exist(stack: Stack, control: ControlClient, method: str, path: str) -> None:
    """Accept the responses of API Gateway and of the function for an unknown route.

    API Gateway gives the same status and text to an unknown route and to a call without a signature.
    An encoded slash may also reach the function as a part of the name.
    """
    response = send(stack, method, path)

    assert response.headers["Content-Type"] == "application/problem+json"
    codes = {401: "unauthenticated", 400: "invalid_request"}
    checked_problem(response.json(), response.status_code, codes[response.status_code])
    assert control.requests() == []


QUERIES = [
    "foreign=maybe",
    "foreign=",
    "foreign=true&foreign=true",
    "foreign=true&foreign=false",
    "force=true",
    "FOREIGN=true",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_is_not_right(stack: Stack, control: ControlClient, shop: Merchant, query: str) -> None:
    problem_of(send(stack, "DELETE", f"{SHOPIFY.format(merchant=shop.name)}/5?{query}"), 400, "invalid_request")
    assert control.requests() == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.folder)
def test_an_unknown_query_parameter(stack: Stack, control: ControlClient, route: Route) -> None:
    body = None if route.body is None else json.dumps(route.body).encode()

    problem_of(send(stack, route.method, f"{route.to('demo')}?cache=no", body), 400, "invalid_request")

    assert control.requests() == []


@pytest.mark.parametrize("key", ["a b", "x" * 256, "k\u00e9y", ""])
def test_an_idempotency_key_that_is_not_right(stack: Stack, control: ControlClient, shop: Merchant, key: str) -> None:
    path, body = SHOPIFY.format(merchant=shop.name), b'{"title":"Kiosk"}'

    response = sign(stack, "POST", path, body, headers={"Idempotency-Key": key}).send("POST", path, body)

    problem_of(response, 400, "invalid_request")
    assert control.requests() == []
