"""Create a standing Shopify storefront access token."""

from token_broker.broker import ListingBroker
from token_broker.domain.token import Token
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import CreateToken
from token_broker.wiring.providers import SHOPIFY


@entrypoint(
    SHOPIFY, "shopify/create_storefront_access_token", accepts=CreateToken, success=201, events=(API_GATEWAY, DIRECT)
)
def handler(request: CreateToken, broker: ListingBroker) -> Token:
    """Handle POST /merchants/{merchant}/shopify/storefront-access-tokens: create a standing token."""
    return broker.create_token(request.merchant, request.title, idempotency_key=request.idempotency_key)
