"""Credentials that expire, on the deployed stack: with its roles, routes, schedule and events."""

import json
import time

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.principals import denied, iam_user, may_call
from tests.e2e.support.responses import fingerprint
from tests.e2e.support.subscriber import Subscriber
from tests.e2e.support.token_table import PAIR, TokenTable
from tests.e2e.support.waiting import wait_until
from token_broker_client import TokenBroker, errors


@pytest.fixture
def shop(stack: Stack, broker: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable) -> Shop:
    return Shop(stack, broker, control, table, merchants.public_app())


def assert_kept(merchants: Merchants, shop: Shop) -> None:
    """Find the refresh token that works at the provider in the version that the table names."""
    named = merchants.pairs(shop.merchant)[shop.items()[PAIR]["versionId"]]
    assert fingerprint(named["refreshToken"]) == shop.account()["pair"]["refreshFingerprint"]


def test_an_operator_migrates_a_permanent_token(
    stack: Stack, broker: TokenBroker, aws: Aws, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    shop = Shop(stack, broker, control, table, merchants.to_migrate())
    domain = shop.merchant.secret["shop"]

    with iam_user(aws("iam"), may_call(stack, shop.name)) as (_, credentials), denied():
        stack.broker(credentials).merchant(shop.name).shopify.migrate_token(domain)
    assert control.requests() == []

    migration = shop.shopify.migrate_token(domain)

    assert (migration.state, migration.reversible) == ("done", False)
    assert_kept(merchants, shop)
    shop.create()
    assert shop.shopify.migrate_token(domain) == migration


def test_a_locked_out_merchant_recovers_with_a_new_secret_and_both_changes_are_told(
    direct: TokenBroker, merchants: Merchants, shop: Shop, subscriber: Subscriber
) -> None:
    invoked = direct.merchant(shop.name).shopify
    invoked.list()
    authorized = shop.control.authorize_shopify_app(shop.name)
    shop.control.revoke_admin_tokens(shop.name)

    with pytest.raises(errors.ReauthorizationRequired):
        invoked.list()
    shop.control.forget_requests()
    with pytest.raises(errors.ReauthorizationRequired):
        shop.current()
    assert shop.control.requests("shopify") == []

    merchants.rewrite("shopify", shop.name, json.dumps({**shop.merchant.secret, "refreshToken": authorized}))

    shop.current()
    wait_until(lambda: len(subscriber.about(shop.name, "MerchantStateChanged")) == 2)
    changes = sorted(subscriber.about(shop.name, "MerchantStateChanged"), key=lambda detail: str(detail["from"]))
    assert [(detail["from"], detail["to"], detail["reason"]) for detail in changes] == [
        ("active", "reauthorization_required", "refresh_token_refused"),
        ("reauthorization_required", "active", "secret_changed"),
    ]


def test_the_worker_renews_an_idle_pair(merchants: Merchants, shop: Shop) -> None:
    shop.shopify.list()
    shop.set_number(PAIR, "dueAt", int(time.time()) - 121)

    shop.run_dispatcher(lambda: shop.account()["refreshes"] == 2)

    wait_until(lambda: shop.items()[PAIR]["dueAt"] > time.time())
    assert_kept(merchants, shop)
