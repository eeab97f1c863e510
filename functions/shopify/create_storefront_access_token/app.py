"""Create a standing Shopify storefront access token."""

from token_broker.domain.token import Token
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import CreateToken
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.issue import standing_token
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(
    shopify(PROVIDER_CALLS),
    "shopify/create_storefront_access_token",
    accepts=CreateToken,
    success=201,
    events=("api", "direct"),
)
def handler(request: CreateToken, call: Call[ListingProvider]) -> Token:
    """Handle POST /merchants/{merchant}/shopify/storefront-access-tokens: create a standing token."""
    return standing_token(call, request.merchant, request.title, request.idempotency_key)
