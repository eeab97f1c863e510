"""The routes of preview origins: who may call them, what such a page gets, and changes at the same time."""

import time
from functools import partial
from urllib.parse import quote

import pytest
import requests

from sandbox.signed_api import Stack
from tests.callers import at_once
from tests.e2e.conftest import Aws
from tests.e2e.support.principals import iam_user, may_decide
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import PREVIEW_ORIGINS, STOREFRONT_SHOPIFY, TRUST_POLICY
from tests.e2e.support.storefronts import Shop, Shops, page, page_token, refused_by_gateway, session, session_token
from tests.e2e.support.token_table import TokenTable

HOUR = 60 * 60


@pytest.fixture
def shop(shops: Shops) -> Shop:
    return shops.open()


def preview(shop: Shop, number: int = 1) -> str:
    return f"https://pr-{number}-{shop.name}.preview.example"


def allow(stack: Stack, shop: Shop, origin: str, seconds: object = HOUR) -> requests.Response:
    body = {"origin": origin, "expiresIn": seconds}
    return stack.call("POST", PREVIEW_ORIGINS.format(merchant=shop.name), body)


def listed(stack: Stack, shop: Shop) -> dict[str, int]:
    response = stack.call("GET", PREVIEW_ORIGINS.format(merchant=shop.name))
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    return {each["origin"]: each["expiresAt"] for each in response.json()["previewOrigins"]}


def remove(stack: Stack, shop: Shop, origin: str) -> requests.Response:
    return stack.call("DELETE", f"{PREVIEW_ORIGINS.format(merchant=shop.name)}?origin={quote(origin, safe='')}")


def test_a_page_of_a_preview_origin_gets_what_the_shops_pages_get(stack: Stack, shop: Shop) -> None:
    origin, url = preview(shop), STOREFRONT_SHOPIFY.format(merchant=shop.name)
    made = allow(stack, shop, origin)
    assert made.status_code == 201, made.text
    assert made.json()["origin"] == origin
    assert HOUR - 60 < made.json()["expiresAt"] - time.time() <= HOUR

    token = page_token(page(stack, url, origin), origin)
    assert page_token(page(stack, url, shop.origin), shop.origin) == token
    got = session(stack, shop, shop.proof(), {"sessionId": "checkout-1"}, origin=origin)
    session_token(got, 201, origin)
    for other in (preview(shop, 2), f"{origin}.evil.example", f"{origin}:8443"):
        refused_by_gateway(page(stack, url, other), 403, "forbidden")


def test_the_policy_and_its_etag_stay_as_they_are_and_a_change_of_it_keeps_preview_origins(
    stack: Stack, shop: Shop, table: TokenTable
) -> None:
    path = TRUST_POLICY.format(merchant=shop.name)
    before = stack.call("GET", path)
    first = allow(stack, shop, preview(shop)).json()["expiresAt"]
    prolonged = allow(stack, shop, preview(shop), 2 * HOUR).json()["expiresAt"]

    after = stack.call("GET", path)
    assert (after.json(), after.headers["ETag"]) == (before.json(), before.headers["ETag"])
    assert (listed(stack, shop), prolonged - first) == ({preview(shop): prolonged}, pytest.approx(HOUR, abs=30))
    changed = stack.call("PUT", path, shop.policy(sessions=None), headers={"If-Match": after.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    assert set(listed(stack, shop)) == {preview(shop)}
    assert table.partition(f"policy#{shop.name}")["policy"]["document"] == {
        name: value for name, value in shop.policy(sessions=None).items() if name != "shop"
    }


def test_a_deleted_policy_takes_its_preview_origins_along(stack: Stack, shop: Shop) -> None:
    allow(stack, shop, preview(shop))
    stack.call("DELETE", TRUST_POLICY.format(merchant=shop.name))

    problem_of(allow(stack, shop, preview(shop)), 404, "trust_policy_not_found")
    stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), shop.policy())
    assert listed(stack, shop) == {}


def test_an_origin_is_removed_before_its_end(stack: Stack, shop: Shop) -> None:
    for number in (1, 2):
        allow(stack, shop, preview(shop, number))

    for deleted in (True, False):
        response = remove(stack, shop, preview(shop))
        assert (response.status_code, response.json()) == (200, {"deleted": deleted})
    assert set(listed(stack, shop)) == {preview(shop, 2)}


@pytest.mark.parametrize(
    ("origin", "seconds"),
    [
        ("https://*.preview.example", HOUR),
        ("https://a.example/", HOUR),
        ("https://a.example", HOUR - 1),
        ("https://a.example", 14 * 24 * HOUR + 1),
        ("https://a.example", None),
    ],
)
def test_only_an_exact_origin_for_an_hour_to_two_weeks_is_taken(
    stack: Stack, shop: Shop, origin: str, seconds: object
) -> None:
    problem_of(allow(stack, shop, origin, seconds), 400, "invalid_request")
    assert listed(stack, shop) == {}


def test_of_origins_that_are_allowed_at_once_none_is_lost(stack: Stack, shop: Shop) -> None:
    origins = [preview(shop, number) for number in range(4)]

    responses = at_once([partial(allow, stack, shop, origin) for origin in origins])

    assert [response.status_code for response in responses] == [201] * len(origins)
    assert set(listed(stack, shop)) == set(origins)


def test_the_fifty_first_is_refused(stack: Stack, shop: Shop) -> None:
    for number in range(50):
        assert allow(stack, shop, preview(shop, number)).status_code == 201

    problem_of(allow(stack, shop, preview(shop, 50)), 409, "conflict")
    assert allow(stack, shop, preview(shop, 49), 2 * HOUR).status_code == 201


def test_a_principal_of_one_merchant_who_may_change_its_policy_allows_no_preview_origin(
    stack: Stack, aws: Aws, shop: Shop
) -> None:
    """An upgrade must not widen what its policy allows."""
    path = PREVIEW_ORIGINS.format(merchant=shop.name)
    body = {"origin": preview(shop), "expiresIn": HOUR}

    with iam_user(aws("iam"), may_decide(stack, shop.name)) as (_, credentials):
        for method, sent in (("POST", body), ("GET", None), ("DELETE", None)):
            refused = stack.call(method, path, sent, credentials=credentials)
            assert refused.status_code == 403
            problem_of(stack.call(method, path, sent, signed=False), 401, "unauthenticated")

    assert listed(stack, shop) == {}
