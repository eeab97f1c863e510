"""What a browser is told: who may ask, who may read the answer, and what it may keep."""

from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.storefronts.support.merchant_shops import Shop, Shops
from tests.e2e.storefronts.support.storefront_requests import page
from tests.e2e.storefronts.support.storefront_responses import refused_by_gateway
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import (
    CHICKSX,
    FOURTHWALL,
    SHOPIFY,
    SHOPIFY_CURRENT,
    STOREFRONT_CHICKSX,
    STOREFRONT_FOURTHWALL,
    STOREFRONT_SHOPIFY,
    TRUST_POLICY,
)

pytest_plugins = ["tests.e2e.storefronts.support.fixtures"]

METHODS = {STOREFRONT_FOURTHWALL: "GET", STOREFRONT_SHOPIFY: "GET", STOREFRONT_CHICKSX: "POST"}


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


def preflight(stack: Stack, path: str, origin: str, method: str, headers: str = "authorization,content-type") -> Any:
    """Send the preflight request that a browser sends before a request that is not simple."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return page(stack, path, origin, method="OPTIONS", headers=asked)


@pytest.mark.parametrize(("path", "method"), METHODS.items())
@pytest.mark.parametrize("origin", ["https://shop.example", "https://evil.com", "null"])
def test_any_page_may_ask_since_a_preflight_knows_no_merchant(
    stack: Stack, control: ControlClient, shop: Shop, path: str, method: str, origin: str
) -> None:
    response = preflight(stack, path.format(merchant=shop.name), origin, method)

    assert response.status_code == 200
    told = {name: value for name, value in response.headers.items() if name.startswith("Access-Control-")}
    assert told == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": method,
        "Access-Control-Allow-Headers": "Authorization,Content-Type",
        "Access-Control-Max-Age": "3600",
    }, "and no word of credentials"
    assert control.requests() == []


def test_a_preflight_tells_no_merchant_from_none(stack: Stack, shop: Shop, shops: Shops) -> None:
    known, unknown = (
        preflight(stack, STOREFRONT_CHICKSX.format(merchant=name), shop.origin, "POST")
        for name in (shop.name, shops.merchants.nobody())
    )

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


@pytest.mark.parametrize(
    "path",
    [FOURTHWALL, CHICKSX, SHOPIFY_CURRENT, SHOPIFY, TRUST_POLICY, "/storefront/{merchant}", "/storefront/{merchant}/x"],
)
def test_no_page_may_ask_anywhere_else(stack: Stack, shop: Shop, path: str) -> None:
    response = preflight(stack, path.format(merchant=shop.name), shop.origin, "GET")

    refused_by_gateway(response, 401, "unauthenticated")
    assert "Access-Control-Allow-Methods" not in response.headers
    assert "Access-Control-Allow-Headers" not in response.headers


def test_the_routes_of_backends_allow_no_page_to_read_their_answers(stack: Stack, shop: Shop) -> None:
    """A signed call from a page would mean a secret in a page."""
    for path in (SHOPIFY_CURRENT, TRUST_POLICY):
        response = stack.call("GET", path.format(merchant=shop.name), headers={"Origin": shop.origin})
        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("Access-Control-")]
    refused = stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), {}, headers={"Origin": shop.origin})
    problem_of(refused, 400, "invalid_request")
    assert not [name for name in refused.headers if name.startswith("Access-Control-")]


def test_every_error_that_the_gateway_makes_can_be_read_by_any_page_and_kept_by_none(stack: Stack, aws: Aws) -> None:
    api = stack.api_url.split("/execute-api/")[1].split("/")[0]

    made = aws("apigateway").get_gateway_responses(restApiId=api, limit=500)["items"]

    assert {"UNAUTHORIZED", "ACCESS_DENIED", "AUTHORIZER_FAILURE", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= {
        each["responseType"] for each in made
    }
    for each in made:
        headers = {
            name.removeprefix("gatewayresponse.header."): value for name, value in each["responseParameters"].items()
        }
        assert headers["Access-Control-Allow-Origin"] == "'*'", each["responseType"]
        assert headers["Cache-Control"] == "'no-store'", each["responseType"]
        assert "Retry-After" in headers["Access-Control-Expose-Headers"], each["responseType"]
        assert "Access-Control-Allow-Credentials" not in headers, each["responseType"]


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH"])
def test_a_storefronts_route_has_one_method(
    stack: Stack, control: ControlClient, shop: Shop, path: str, method: str
) -> None:
    response = page(stack, path.format(merchant=shop.name), shop.origin, method=method)

    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert control.requests() == []


def test_the_two_methods_are_not_each_others(stack: Stack, control: ControlClient, shop: Shop) -> None:
    for path, method in METHODS.items():
        other = {"GET": "POST", "POST": "GET"}[method]
        response = page(stack, path.format(merchant=shop.name), shop.origin, method=other)
        refused_by_gateway(response, 401, "unauthenticated")

    assert control.requests() == []
