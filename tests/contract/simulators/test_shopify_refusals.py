"""Shopify refuses calls with a valid admin token, by REST and by GraphQL."""

import json

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send

ACCOUNT = {
    "shop": "demo.myshopify.com",
    "adminAccessToken": "demo-admin-token",
    "clientId": "demo-client",
    "clientSecret": "demo-secret",
}
PATHS = ("/admin/storefront_access_tokens.json", "/admin/api/2026-10/graphql.json")


def create(simulators: Addresses, path: str) -> Reply:
    headers = {"X-Shopify-Access-Token": "demo-admin-token", "Content-Type": "application/json"}
    body = {"query": "{shop{id}}", "storefront_access_token": {"title": "Test"}}
    return send(simulators["shopify"], "POST", path, headers=headers, body=json.dumps(body).encode())


@pytest.mark.parametrize("path", PATHS)
def test_an_address_outside_the_allowlist_is_refused_but_not_by_the_token_endpoint(
    simulators: Addresses, control: ControlClient, path: str
) -> None:
    control.put_account("shopify", "demo", **ACCOUNT, ipAllowlist=["192.0.2.1"])
    refused = create(simulators, path)
    client = b"grant_type=client_credentials&client_id=demo-client&client_secret=demo-secret"
    granted = send(simulators["shopify"], "POST", "/admin/oauth/access_token", body=client)
    control.put_account("shopify", "demo", **ACCOUNT, ipAllowlist=[], ipRefusalBody={"errors": "Not allowed"})
    configured = create(simulators, path)
    control.put_account("shopify", "demo", **ACCOUNT, ipAllowlist=["192.0.2.1", "127.0.0.1"])

    assert (refused.status, refused.json()) == (403, {"errors": "Forbidden"})
    assert (configured.status, configured.json()) == (403, {"errors": "Not allowed"})
    assert granted.status == 200
    assert create(simulators, path).status == 200


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (
            {"approvalMissing": "read_products"},
            "[API] This action requires merchant approval for read_products scope.",
        ),
        (
            {"nonExpiringTokens": "refused"},
            (
                "[API] Non-expiring access tokens are no longer accepted for the Admin API. "
                "Start using expiring offline tokens: https://shopify.dev/"
            ),
        ),
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_a_refusal_says_what_is_missing(
    simulators: Addresses, control: ControlClient, path: str, mode: dict[str, str], text: str
) -> None:
    control.put_account("shopify", "demo", **ACCOUNT, **mode)
    refused = create(simulators, path)

    assert (refused.status, refused.json()) == (403, {"errors": text})


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("service", "Token must be service access."),
        ("channel", "App must have a channel record to create a storefront access token."),
    ],
)
def test_an_app_that_is_not_eligible_is_told_why(
    simulators: Addresses, control: ControlClient, mode: str, text: str
) -> None:
    control.put_account("shopify", "demo", **ACCOUNT, accessScopes=[], ineligibleAnswer=mode)
    refused = create(simulators, PATHS[0])

    assert (refused.status, refused.json()) == (403, {"errors": text})
