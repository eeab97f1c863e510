"""Serve the shop's Fourthwall token."""

from token_broker.broker import Broker
from token_broker.domain.token import Token
from token_broker.entrypoints.events import API_GATEWAY, DIRECT, STOREFRONT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetShopToken
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import FOURTHWALL


@entrypoint(FOURTHWALL, "fourthwall/public_token", accepts=GetShopToken, events=(API_GATEWAY, DIRECT, STOREFRONT))
def handler(request: GetShopToken, broker: Broker[Provider]) -> Token:
    """Handle PUT /merchants/{merchant}/fourthwall/public-token: serve the shop's token, or mint one."""
    return broker.shop_token(request.merchant, fresh=request.fresh)
