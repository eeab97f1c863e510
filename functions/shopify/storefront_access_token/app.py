"""Serve the shop's current Shopify storefront access token."""

from token_broker.broker import ListingBroker
from token_broker.domain.token import Token
from token_broker.entrypoints.events import API_GATEWAY, DIRECT, STOREFRONT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetShopToken
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/storefront_access_token", accepts=GetShopToken, events=(API_GATEWAY, DIRECT, STOREFRONT))
def handler(request: GetShopToken, broker: ListingBroker) -> Token:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-token: serve the current token, or mint one."""
    return broker.shop_token(request.merchant, fresh=request.fresh)
