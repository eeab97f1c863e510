"""Show a Shopify storefront access token's record and history."""

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import GetTokenRecord
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.listing import RecordedToken, recorded_token
from token_broker.wiring import shopify


@entrypoint(shopify(), "shopify/get_storefront_access_token", accepts=GetTokenRecord, events=("api", "direct"))
def handler(request: GetTokenRecord, call: Call[ListingProvider]) -> RecordedToken:
    """Handle GET /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}: show the token's record."""
    return recorded_token(call, request.merchant, request.token_id)
