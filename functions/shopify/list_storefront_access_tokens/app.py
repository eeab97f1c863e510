"""List all Shopify storefront access tokens, ours and foreign."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import ListTokens
from token_broker.listing import TokenList


@entry.handler(wiring.SHOPIFY, accepts=ListTokens)
def handler(request: ListTokens, broker: ListingBroker) -> TokenList:
    """GET /merchants/{merchant}/shopify/storefront-access-tokens"""
    return broker.list_tokens(request.merchant)
