"""Serve the shop's current Shopify storefront access token."""

from token_broker.domain.token import Token
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetShopToken
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.serve import shop_token
from token_broker.wiring import shopify


@entrypoint(
    shopify(), "shopify/storefront_access_token", accepts=GetShopToken, events=("api", "direct", "storefront", "client")
)
def handler(request: GetShopToken, call: Call[ListingProvider]) -> Token:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-token: serve the current token, or mint one."""
    return shop_token(call, request.merchant, fresh=request.fresh)
