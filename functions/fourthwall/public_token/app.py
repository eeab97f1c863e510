"""Get or create the shop's public token at Fourthwall."""

from token_broker import entry, wiring
from token_broker.broker import Broker
from token_broker.inputs import GetShopToken
from token_broker.model import Token
from token_broker.ports import Provider


@entry.handler(wiring.FOURTHWALL, accepts=GetShopToken)
def handler(request: GetShopToken, broker: Broker[Provider]) -> Token:
    """PUT /merchants/{merchant}/fourthwall/public-token"""
    return broker.shop_token(request.merchant, fresh=request.fresh)
