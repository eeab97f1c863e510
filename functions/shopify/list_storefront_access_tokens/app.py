"""List a shop's Shopify storefront access tokens, also the foreign ones."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import ListTokens
from token_broker.tokens.listing import TokenList
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/list_storefront_access_tokens", accepts=ListTokens, events=(API_GATEWAY, DIRECT))
def handler(request: ListTokens, broker: ListingBroker) -> TokenList:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-tokens: list the shop's tokens."""
    return broker.list_tokens(request.merchant)
