"""Each way in takes its own credentials: a proof is nothing to IAM, a signature nothing to a storefront's route."""

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.raw_http import exchange
from tests.e2e.support.responses import checked_problem
from tests.e2e.support.routes import (
    CLIENT_SHOPIFY,
    PREVIEW_ORIGINS,
    ROUTES,
    STOREFRONT_CHICKSX,
    STOREFRONT_SHOPIFY,
    TRUST_POLICY,
    Route,
)
from tests.e2e.support.storefronts import Shop, Shops, page, page_token, refused_by_gateway

POLICY_ROUTES = (
    *(Route(method, TRUST_POLICY, f"storefronts/{method.lower()}_trust_policy") for method in ("PUT", "GET", "DELETE")),
    Route("POST", PREVIEW_ORIGINS, "storefronts/allow_preview_origin"),
    Route("GET", PREVIEW_ORIGINS, "storefronts/list_preview_origins"),
    Route("DELETE", f"{PREVIEW_ORIGINS}?origin=https://a.example", "storefronts/remove_preview_origin"),
)


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    return shops.open()


@pytest.mark.parametrize("route", [*ROUTES, *POLICY_ROUTES], ids=lambda route: route.folder)
def test_a_storefronts_proof_is_nothing_to_the_backends_routes(
    stack: Stack, control: ControlClient, shop: Shop, route: Route
) -> None:
    for proof in (shop.proof(), shop.client_proof()):
        headers = {"Authorization": f"Bearer {proof}", "Origin": shop.origin}

        response = stack.call(route.method, route.to(shop.name), route.body, headers=headers, signed=False)

        codes = {401: "unauthenticated", 403: "forbidden"}
        checked_problem(response.json(), response.status_code, codes[response.status_code])
    assert control.requests() == []


def test_a_signature_is_nothing_to_a_storefronts_routes(stack: Stack, control: ControlClient, shop: Shop) -> None:
    """Not even the administrator's. A signed call of an allowed page is a page's call."""
    path = STOREFRONT_SHOPIFY.format(merchant=shop.name)
    refused_by_gateway(stack.call("GET", path), 403, "forbidden")
    session = stack.call("POST", STOREFRONT_CHICKSX.format(merchant=shop.name), {"sessionId": "checkout-1"})
    refused_by_gateway(session, 401, "unauthenticated")
    refused_by_gateway(stack.call("GET", CLIENT_SHOPIFY.format(merchant=shop.name)), 401, "unauthenticated")
    assert control.requests() == []

    signed = stack.call("GET", path, headers={"Origin": shop.origin})
    assert page_token(signed, shop.origin) == page_token(page(stack, path, shop.origin), shop.origin)


def test_a_signature_in_the_query_is_no_field_of_the_request(stack: Stack, shop: Shop) -> None:
    path = TRUST_POLICY.format(merchant=shop.name)
    request = AWSRequest("GET", stack.api_url + path)
    SigV4QueryAuth(stack.credentials(), "execute-api", stack.described["region"], expires=60).add_auth(request)

    response = exchange(stack, "GET", f"{path}?{str(request.url).partition('?')[2]}")

    assert (response.status_code, response.json()) == (200, shop.policy())
