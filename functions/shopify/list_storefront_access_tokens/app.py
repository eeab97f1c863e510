"""List a shop's Shopify storefront access tokens, also the foreign ones."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import MerchantInput
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.listing import list_tokens
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(
    shopify(PROVIDER_CALLS), "shopify/list_storefront_access_tokens", accepts=MerchantInput, events=("api", "direct")
)
def handler(request: MerchantInput, call: Call[ListingProvider]) -> dict[str, Any]:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-tokens: list the shop's tokens."""
    return list_tokens(call, request.merchant)
