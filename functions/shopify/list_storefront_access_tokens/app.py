"""List a shop's Shopify storefront access tokens, also the foreign ones."""

from token_broker.entrypoints.handler import API_GATEWAY, DIRECT, entrypoint
from token_broker.entrypoints.inputs import ListTokens
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.listing import TokenList, list_tokens
from token_broker.wiring import shopify


@entrypoint(shopify(), "shopify/list_storefront_access_tokens", accepts=ListTokens, events=(API_GATEWAY, DIRECT))
def handler(request: ListTokens, call: Call[ListingProvider]) -> TokenList:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-tokens: list the shop's tokens."""
    return list_tokens(call, request.merchant)
