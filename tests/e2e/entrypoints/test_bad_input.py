"""The real gateway rejects bad requests with the right problem document and without a call to a provider.

What is wrong with a field is tried in tests/unit: here is what the way through the gateway adds.
"""

import json

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.raw_http import send
from tests.e2e.support.responses import checked_problem, problem_of
from tests.e2e.support.routes import FOURTHWALL, ROUTES, SHOPIFY, SHOPIFY_CURRENT, Route
from tests.e2e.support.token_table import TokenTable
from token_broker_client import TokenBroker, errors

BODIES = {
    "nothing": b"",
    "1 MB": json.dumps({"title": "Kiosk" * 200_000}).encode(),
    "deeply nested": b'{"title":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
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


#: What works without the merchant's secret.
WITHOUT_SECRET = {"chicksx/close_session", "shopify/get_storefront_access_token"}
WITH_SECRET = [each for each in ROUTES if each.name not in WITHOUT_SECRET and not each.name.startswith("storefronts/")]


@pytest.mark.parametrize("route", WITH_SECRET, ids=lambda route: route.name)
def test_an_unknown_merchant(
    broker: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable, route: Route
) -> None:
    name = merchants.nobody()

    with pytest.raises(errors.MerchantNotFound):
        broker.call(route.name, merchant=name, **route.fields)

    assert control.requests() == []
    assert table.merchant(route.name.partition("/")[0], name) == {}, "an unknown merchant leaves nothing in the table"


MALFORMED = [
    *(("GET", SHOPIFY_CURRENT.format(merchant=name)) for name in ("demo%20", "d%00emo", "demo%ff", "%2e%2e")),
    *(("DELETE", f"{SHOPIFY.format(merchant='demo')}/{rest}") for rest in ("%EF%BC%91", "5?foreign=true&foreign=true")),
]


@pytest.mark.parametrize(("method", "path"), MALFORMED)
def test_a_malformed_path_or_query(stack: Stack, control: ControlClient, method: str, path: str) -> None:
    problem_of(send(stack, method, path), 400, "invalid_request")
    assert control.requests() == []


NO_ROUTES = [
    ("GET", SHOPIFY_CURRENT.format(merchant="demo%2f..%2fdemo")),
    ("DELETE", SHOPIFY.format(merchant="demo") + "/1%2F2"),
    ("GET", "/../v1/merchants/demo/shopify/storefront-access-token"),
    ("PATCH", SHOPIFY_CURRENT.format(merchant="demo")),
    ("GET", FOURTHWALL.format(merchant="demo")),
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


def test_an_idempotency_key_that_is_not_right(stack: Stack, control: ControlClient, shop: Merchant) -> None:
    for key in ("k\u00e9y", ""):
        headers = {"Idempotency-Key": key}
        response = send(stack, "POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"}, headers=headers)
        problem_of(response, 400, "invalid_request")
    assert control.requests() == []
