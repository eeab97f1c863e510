"""Preview origins: what such a page gets, changes at the same time, and who may make them."""

import time
from functools import partial

import pytest

from sandbox.local_stack import Stack
from tests.callers import at_once
from tests.e2e.conftest import Aws
from tests.e2e.support.principals import iam_user, may_decide
from tests.e2e.support.raw_http import send
from tests.e2e.support.routes import PREVIEW_ORIGINS, STOREFRONT_SHOPIFY
from tests.e2e.support.storefronts import Shop, Shops, page, page_token, refused_by_gateway, session, session_token
from tests.e2e.support.token_table import TokenTable
from token_broker_client import Merchant, TokenBroker, errors

HOUR = 60 * 60


@pytest.fixture
def shop(shops: Shops) -> Shop:
    return shops.open()


@pytest.fixture
def merchant(broker: TokenBroker, shop: Shop) -> Merchant:
    return broker.merchant(shop.name)


def preview(shop: Shop, number: int = 1) -> str:
    return f"https://pr-{number}-{shop.name}.preview.example"


def origins(merchant: Merchant) -> set[str]:
    return {each.origin for each in merchant.preview_origins.list()}


def test_a_page_of_a_preview_origin_gets_what_the_shops_pages_get(stack: Stack, shop: Shop, merchant: Merchant) -> None:
    origin, url = preview(shop), STOREFRONT_SHOPIFY.format(merchant=shop.name)
    made = merchant.preview_origins.allow(origin, expires_in=HOUR)
    assert made.origin == origin
    assert HOUR - 60 < made.expires_at - time.time() <= HOUR

    token = page_token(page(stack, url, origin), origin)
    assert page_token(page(stack, url, shop.origin), shop.origin) == token
    got = session(stack, shop, shop.proof(), {"sessionId": "checkout-1"}, origin=origin)
    session_token(got, 201, origin)
    for other in (preview(shop, 2), f"{origin}.evil.example", f"{origin}:8443"):
        refused_by_gateway(page(stack, url, other), 403, "forbidden")


def test_the_policy_and_its_revision_stay_as_they_are_and_a_change_of_it_keeps_preview_origins(
    shop: Shop, merchant: Merchant, table: TokenTable
) -> None:
    before = merchant.trust_policy.get()
    first = merchant.preview_origins.allow(preview(shop), expires_in=HOUR)
    second = merchant.preview_origins.allow(preview(shop), expires_in=2 * HOUR)

    assert merchant.trust_policy.get() == before
    assert merchant.preview_origins.list() == (second,)
    assert second.expires_at - first.expires_at == pytest.approx(HOUR, abs=30)
    changed = shop.policy(sessions=None)
    merchant.trust_policy.put(changed, if_revision=before.revision)
    assert origins(merchant) == {preview(shop)}
    stored = table.partition(f"policy#{shop.name}")["policy"]["document"]
    assert stored == {name: value for name, value in changed.items() if name != "shop"}


def test_a_deleted_policy_takes_its_preview_origins_along(shop: Shop, merchant: Merchant) -> None:
    merchant.preview_origins.allow(preview(shop), expires_in=HOUR)
    merchant.trust_policy.delete()

    with pytest.raises(errors.TrustPolicyNotFound):
        merchant.preview_origins.allow(preview(shop), expires_in=HOUR)
    merchant.trust_policy.put(shop.policy())
    assert origins(merchant) == set()


def test_of_origins_that_are_allowed_at_once_none_is_lost(shop: Shop, merchant: Merchant) -> None:
    wanted = [preview(shop, number) for number in range(4)]

    at_once([partial(merchant.preview_origins.allow, origin, expires_in=HOUR) for origin in wanted])

    assert origins(merchant) == set(wanted)


def test_a_principal_of_one_merchant_who_may_change_its_policy_allows_no_preview_origin(
    stack: Stack, aws: Aws, shop: Shop, merchant: Merchant
) -> None:
    """An upgrade must not widen what its policy allows."""
    path = PREVIEW_ORIGINS.format(merchant=shop.name)
    body = {"origin": preview(shop), "expiresIn": HOUR}

    with iam_user(aws("iam"), may_decide(stack, shop.name)) as (_, credentials):
        for method, sent in (("POST", body), ("GET", None), ("DELETE", None)):
            assert send(stack, method, path, sent, credentials=credentials).status_code == 403
    assert origins(merchant) == set()
