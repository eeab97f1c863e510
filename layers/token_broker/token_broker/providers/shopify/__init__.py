"""Declare what Shopify can do. `client` talks to it."""

from token_broker.ports.provider import Capabilities, Profile

PROFILE = Profile(
    name="shopify",
    capabilities=Capabilities(lists=True, revokes=True, supports_title_tag=True, rotates=True, renews=True, limit=100),
    page_operations=("storefront-access-token",),
)
