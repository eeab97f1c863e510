"""The shop's current Shopify storefront access token."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import GetShopToken
from token_broker.model import Token


@entry.handler(wiring.SHOPIFY, accepts=GetShopToken)
def handler(request: GetShopToken, broker: ListingBroker) -> Token:
    """GET /merchants/{merchant}/shopify/storefront-access-token"""
    return broker.shop_token(request.merchant, fresh=request.fresh)
