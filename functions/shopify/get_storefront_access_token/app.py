"""Show a Shopify storefront access token's record and history."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetTokenRecord
from token_broker.tokens.listing import RecordedToken
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/get_storefront_access_token", accepts=GetTokenRecord, events=(API_GATEWAY, DIRECT))
def handler(request: GetTokenRecord, broker: ListingBroker) -> RecordedToken:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}: show the token's record."""
    return broker.token_record(request.merchant, request.token_id)
