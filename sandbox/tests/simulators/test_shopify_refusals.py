"""Shopify refuses calls with a valid admin token, by REST and by GraphQL."""

from typing import Any

import pytest

from sandbox.tests.simulators.shopify_account import ShopifyAccount
from tests.contract.exchanges.playing import Reply

PATHS = ("/admin/storefront_access_tokens.json", "/admin/api/2026-10/graphql.json")


def create(shopify: ShopifyAccount, path: str) -> Reply:
    return shopify.call("POST", path, {"query": "{shop{id}}", "storefront_access_token": {"title": "Test"}})


@pytest.mark.parametrize("path", PATHS)
def test_an_address_outside_the_allowlist_is_refused_but_not_by_the_token_endpoint(
    shopify: ShopifyAccount, path: str
) -> None:
    shopify.put(ipAllowlist=["192.0.2.1"])
    refused = create(shopify, path)
    granted = shopify.grant()
    shopify.put(ipAllowlist=[], ipRefusalBody={"errors": "Not allowed"})
    configured = create(shopify, path)
    shopify.put(ipAllowlist=["192.0.2.1", "127.0.0.1"])

    assert (refused.status, refused.json()) == (403, {"errors": "Forbidden"})
    assert (configured.status, configured.json()) == (403, {"errors": "Not allowed"})
    assert (granted.status, create(shopify, path).status) == (200, 200)


@pytest.mark.parametrize(
    ("mode", "text", "paths"),
    [
        ({"approvalMissing": "read_products"}, "requires merchant approval for read_products scope.", PATHS),
        ({"nonExpiringTokens": "refused"}, "access tokens are no longer accepted for the Admin API.", PATHS),
        ({"accessScopes": [], "ineligibleAnswer": "service"}, "must be service access.", PATHS[:1]),
        ({"accessScopes": [], "ineligibleAnswer": "channel"}, "must have a channel record", PATHS[:1]),
    ],
)
def test_a_refusal_says_what_is_missing(
    shopify: ShopifyAccount, mode: dict[str, Any], text: str, paths: tuple[str, ...]
) -> None:
    shopify.put(**mode)

    for path in paths:
        refused = create(shopify, path)
        assert refused.status == 403
        assert text in refused.json()["errors"]
