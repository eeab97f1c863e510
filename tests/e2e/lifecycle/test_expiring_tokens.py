"""Credentials that expire, on the deployed stack: with its roles, routes, schedule and events."""

import json
import time

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.responses import fingerprint, problem_of, raised_problem, token_of
from tests.e2e.support.routes import SHOPIFY, SHOPIFY_CURRENT, TOKEN_MIGRATIONS
from tests.e2e.support.subscriber import Subscriber
from tests.e2e.support.token_table import PAIR, TokenTable
from tests.e2e.support.waiting import wait_until


@pytest.fixture
def shop(stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable) -> Shop:
    return Shop(stack, control, table, merchants.public_app())


def assert_kept(merchants: Merchants, shop: Shop) -> None:
    """Find the refresh token that works at the provider in the version that the table names."""
    named = merchants.pairs(shop.merchant)[shop.items()[PAIR]["versionId"]]
    assert fingerprint(named["refreshToken"]) == shop.account()["pair"]["refreshFingerprint"]


def test_an_operator_migrates_a_permanent_token(
    stack: Stack, aws: Aws, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    shop = Shop(stack, control, table, merchants.to_migrate())
    path, body = TOKEN_MIGRATIONS.format(merchant=shop.name), {"confirm": shop.merchant.secret["shop"]}

    with iam_user(aws("iam"), may_call(stack, shop.name)) as (_, credentials):
        assert stack.call("POST", path, body, credentials=credentials).status_code == 403
    problem_of(stack.call("POST", path, body, signed=False), 401, "unauthenticated")
    assert control.requests() == []

    answer = stack.call("POST", path, body)

    assert (answer.status_code, answer.json()["state"], answer.json()["reversible"]) == (200, "done", False)
    assert_kept(merchants, shop)
    shop.create()
    assert stack.call("POST", path, body).json() == answer.json()


def test_a_locked_out_merchant_recovers_with_a_new_secret_and_both_changes_are_told(
    stack: Stack, merchants: Merchants, shop: Shop, subscriber: Subscriber
) -> None:
    listing = {"merchant": shop.name}
    assert stack.invoke("shopify/list_storefront_access_tokens", listing)[1] is None
    authorized = shop.control.authorize_shopify_app(shop.name)
    shop.control.revoke_admin_tokens(shop.name)

    answer, error = stack.invoke("shopify/list_storefront_access_tokens", listing)

    raised_problem(answer, 502, "reauthorization_required")
    assert error == "ReauthorizationRequired"
    shop.control.forget_requests()
    problem_of(shop.call("GET", SHOPIFY_CURRENT), 502, "reauthorization_required")
    assert shop.control.requests("shopify") == []

    merchants.rewrite("shopify", shop.name, json.dumps({**shop.merchant.secret, "refreshToken": authorized}))

    token_of(shop.call("GET", SHOPIFY_CURRENT))
    wait_until(lambda: len(subscriber.about(shop.name, "MerchantStateChanged")) == 2)
    changes = sorted(subscriber.about(shop.name, "MerchantStateChanged"), key=lambda detail: str(detail["from"]))
    assert [(detail["from"], detail["to"], detail["reason"]) for detail in changes] == [
        ("active", "reauthorization_required", "refresh_token_refused"),
        ("reauthorization_required", "active", "secret_changed"),
    ]


def test_the_worker_renews_an_idle_pair(merchants: Merchants, shop: Shop) -> None:
    assert shop.call("GET", SHOPIFY).status_code == 200
    shop.set_number(PAIR, "dueAt", int(time.time()) - 121)

    shop.run_dispatcher(lambda: shop.account()["refreshes"] == 2)

    wait_until(lambda: shop.items()[PAIR]["dueAt"] > time.time())
    assert_kept(merchants, shop)
