"""Serve the shop's Fourthwall token."""

from token_broker.domain.token import Token
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetShopToken
from token_broker.tokens.call import Call
from token_broker.tokens.serve import shop_token
from token_broker.wiring import fourthwall


@entrypoint(
    fourthwall(), "fourthwall/public_token", accepts=GetShopToken, events=("api", "direct", "storefront", "client")
)
def handler(request: GetShopToken, call: Call) -> Token:
    """Handle PUT /merchants/{merchant}/fourthwall/public-token: serve the shop's token, or mint one."""
    return shop_token(call, request.merchant, fresh=request.fresh)
