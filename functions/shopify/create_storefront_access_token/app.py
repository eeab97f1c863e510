"""Create a standing Shopify storefront access token."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import CreateToken
from token_broker.model import Token


@entry.handler(wiring.SHOPIFY, accepts=CreateToken, success=201)
def handler(request: CreateToken, broker: ListingBroker) -> Token:
    """POST /merchants/{merchant}/shopify/storefront-access-tokens"""
    return broker.create_token(request.merchant, request.title, idempotency_key=request.idempotency_key)
