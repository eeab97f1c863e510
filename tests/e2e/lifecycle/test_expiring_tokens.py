"""Credentials that expire, on the deployed stack: with its roles, routes, schedule and events."""

import json
import time
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.responses import fingerprint, problem_of, raised_problem, token_of
from tests.e2e.support.routes import SHOPIFY, SHOPIFY_CURRENT, TOKEN_MIGRATIONS
from tests.e2e.support.subscriber import Subscriber
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

PAIR = "pair#shop"


@pytest.fixture
def shop(merchants: Merchants, control: ControlClient) -> Merchant:
    return merchants.public_app()


def pair_item(table: TokenTable, shop: Merchant) -> dict[str, Any]:
    return table.partition(f"shopify#{shop.name}")[PAIR]


def refreshes(control: ControlClient, shop: Merchant) -> int:
    return int(control.state()["shopify"][shop.name]["refreshes"])


def assert_kept(control: ControlClient, merchants: Merchants, table: TokenTable, shop: Merchant) -> None:
    """Find the refresh token that works at the provider in the version that the table names."""
    named = merchants.pairs(shop)[pair_item(table, shop)["versionId"]]
    pair = control.state()["shopify"][shop.name]["pair"]
    assert fingerprint(named["refreshToken"]) == pair["refreshFingerprint"]


def test_a_mint_refreshes_a_token_that_has_ended(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable, shop: Merchant
) -> None:
    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)))
    assert_kept(control, merchants, table, shop)
    control.revoke_admin_tokens(shop.name)

    token_of(stack.call("POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"}), 201)

    assert refreshes(control, shop) == 2
    assert_kept(control, merchants, table, shop)


def test_an_operator_migrates_a_permanent_token(
    stack: Stack, aws: Aws, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    shop = merchants.to_migrate()
    path, body = TOKEN_MIGRATIONS.format(merchant=shop.name), {"confirm": shop.secret["shop"]}

    with iam_user(aws("iam"), [may_call(stack, shop.name)]) as (_, credentials):
        assert stack.call("POST", path, body, credentials=credentials).status_code == 403
    problem_of(stack.call("POST", path, body, signed=False), 401, "unauthenticated")
    assert control.requests() == []

    answer = stack.call("POST", path, body)

    assert (answer.status_code, answer.json()["state"], answer.json()["reversible"]) == (200, "done", False)
    assert_kept(control, merchants, table, shop)
    token_of(stack.call("POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"}), 201)
    assert stack.call("POST", path, body).json() == answer.json()


def test_a_direct_migration_names_its_error(stack: Stack, merchants: Merchants) -> None:
    shop = merchants.to_migrate()

    answer, error = stack.invoke("shopify/migrate_token", {"merchant": shop.name, "confirm": "other.myshopify.com"})

    raised_problem(answer, 400, "invalid_request")
    assert error == "InvalidRequest"


def test_a_locked_out_merchant_recovers_with_a_new_secret_and_both_changes_are_told(
    stack: Stack, control: ControlClient, merchants: Merchants, shop: Merchant, subscriber: Subscriber
) -> None:
    listing = {"merchant": shop.name}
    assert stack.invoke("shopify/list_storefront_access_tokens", listing)[1] is None
    authorized = control.authorize_shopify_app(shop.name)
    control.revoke_admin_tokens(shop.name)

    answer, error = stack.invoke("shopify/list_storefront_access_tokens", listing)

    raised_problem(answer, 502, "reauthorization_required")
    assert error == "ReauthorizationRequired"
    control.forget_requests()
    problem_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)), 502, "reauthorization_required")
    assert control.requests("shopify") == []

    merchants.rewrite("shopify", shop.name, json.dumps({**shop.secret, "refreshToken": authorized}))

    token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)))
    wait_until(lambda: len(subscriber.about(shop.name, "MerchantStateChanged")) == 2)
    changes = sorted(subscriber.about(shop.name, "MerchantStateChanged"), key=lambda detail: str(detail["from"]))
    assert [(detail["from"], detail["to"], detail["reason"]) for detail in changes] == [
        ("active", "reauthorization_required", "refresh_token_refused"),
        ("reauthorization_required", "active", "secret_changed"),
    ]


def test_the_worker_renews_an_idle_pair(
    stack: Stack, aws: Aws, control: ControlClient, merchants: Merchants, table: TokenTable, shop: Merchant
) -> None:
    assert stack.call("GET", SHOPIFY.format(merchant=shop.name)).status_code == 200
    aws("dynamodb").update_item(
        TableName=table.name,
        Key={"pk": {"S": f"shopify#{shop.name}"}, "sk": {"S": PAIR}},
        UpdateExpression="SET dueAt = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 121)}},
    )

    dispatcher_runs.run(stack)

    wait_until(lambda: refreshes(control, shop) == 2)
    wait_until(lambda: pair_item(table, shop)["dueAt"] > time.time())
    assert_kept(control, merchants, table, shop)
