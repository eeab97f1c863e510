"""Each refusal of Shopify, provoked once at the simulator: the caller gets its code, and nothing is minted."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.integration.support.functions import CREATE, LIST, MIGRATE
from tests.integration.support.in_process_stack import APP, APP_SECRET, MERCHANT, Stack
from token_broker.errors import (
    PermanentTokenRefused,
    ProviderFailure,
    ProviderRejectedCredentials,
    ReauthorizationRequired,
)
from token_broker.providers.shopify import refusals

NO_SCOPE = {"accessScopes": ["read_products"]}
DEAD = {"refreshToken": "shprt_another"}
ALLOWLIST = {"ipAllowlist": ["192.0.2.1"]}
UNAPPROVED = {"approvalMissing": "read_customers"}
REST, GRAPHQL, ENDPOINT = "/storefront_access_tokens", "/graphql.json", "/admin/oauth/access_token"
THROTTLED = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}


class Case(NamedTuple):
    """Say how a refusal comes about, and what the caller gets.

    `secret` is the merchant's kind: "pair", "permanent" or "client". `account` has the simulated account's modes, and
    `fault` replaces the responses of a path.
    """

    status: int
    code: str
    secret: str
    account: Mapping[str, Any] = {}
    fault: Mapping[str, Any] = {}
    function: str = LIST


def refused(path: str, status: int, body: Any) -> dict[str, Any]:
    return {"kind": "status", "pathContains": path, "status": status, "body": body, "times": 5}


#: "pair"'s requests go over GraphQL, those of the others over REST.
CASES = {
    "an invalid client secret": Case(502, "invalid_client", "pair", {"clientSecret": "shpss_another"}),
    "client credentials in another organization": Case(502, "shop_not_permitted", "client", {"organization": "other"}),
    "an app that is not installed": Case(502, "app_not_installed", "pair", {"installed": False}),
    "its token": Case(502, "provider_rejected_credentials", "permanent", {"installed": False}),
    "a dead refresh token": Case(502, "reauthorization_required", "pair", DEAD),
    "one as in forums": Case(502, "reauthorization_required", "pair", {**DEAD, "deadRefreshAnswer": "invalid_grant"}),
    "a dead permanent token": Case(
        409, "permanent_token_refused", "permanent", {"adminAccessToken": "shpat_another"}, function=MIGRATE
    ),
    "one after the deadline": Case(502, "non_expiring_token_refused", "permanent", {"nonExpiringTokens": "refused"}),
    "an address that is not allowed": Case(502, "address_not_allowed", "permanent", ALLOWLIST),
    "an address that is not allowed, in GraphQL": Case(502, "address_not_allowed", "pair", ALLOWLIST),
    "a bot's address": Case(503, "provider_throttled", "permanent", fault=refused(REST, 430, "Security Rejection")),
    "a token endpoint that throttles": Case(503, "provider_throttled", "pair", fault=refused(ENDPOINT, 430, "")),
    "a throttle of GraphQL": Case(503, "provider_throttled", "pair", fault=refused(GRAPHQL, 200, THROTTLED)),
    "an app without a scope, in GraphQL": Case(409, "app_not_eligible", "pair", NO_SCOPE, function=CREATE),
    "an app without a scope that lists nothing": Case(409, "app_not_eligible", "pair", NO_SCOPE),
    "an online token": Case(
        409, "app_not_eligible", "permanent", {**NO_SCOPE, "ineligibleAnswer": "service"}, function=CREATE
    ),
    "an app of the shop's admin": Case(
        409, "app_not_eligible", "permanent", {**NO_SCOPE, "ineligibleAnswer": "channel"}, function=CREATE
    ),
    "a scope that is not approved": Case(409, "scope_not_approved", "permanent", UNAPPROVED),
    "a scope that is not approved, in GraphQL": Case(409, "scope_not_approved", "pair", UNAPPROVED),
    "a frozen shop": Case(503, "shop_unavailable", "pair", {"shopStatus": "unavailable"}),
    "a shop that is locked": Case(503, "shop_unavailable", "permanent", {"shopStatus": "locked"}),
}


def test_every_refusal_is_provoked() -> None:
    errors = [*ProviderFailure.__subclasses__(), *ProviderRejectedCredentials.__subclasses__()]
    codes = {each.code for each in errors if each.__module__ == refusals.__name__}

    assert {case.code for case in CASES.values()} >= codes | {ReauthorizationRequired.code, PermanentTokenRefused.code}


@pytest.mark.parametrize("name", CASES)
def test_a_refusal(name: str, stack: Stack) -> None:
    case = CASES[name]
    if case.secret == "client":
        account = {**APP_SECRET, "shop": "demo.myshopify.com", **case.account}
        stack.control.put_account("shopify", MERCHANT, **account)
        stack.app_secret(APP_SECRET)
        stack.secret("shopify", MERCHANT, json.dumps({"shop": "demo.myshopify.com", "app": APP}))
    else:
        stack.app_merchant(permanent=case.secret == "permanent", **case.account)
    if case.fault:
        stack.control.fault("shopify", **case.fault)

    answer = stack.worker(case.function).api()

    assert (answer.status, answer.code) == (case.status, case.code)
    assert answer.body["retryable"] is (case.code == "provider_throttled")
    assert stack.mints("shopify") == 0
