"""Revoke a Shopify storefront access token."""

from token_broker.domain.token import RevocationStatus
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import RevokeToken
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.tokens.revoke import revoke
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(
    shopify(PROVIDER_CALLS), "shopify/delete_storefront_access_token", accepts=RevokeToken, events=("api", "direct")
)
def handler(request: RevokeToken, call: Call[ListingProvider]) -> Reply:
    """Handle DELETE /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}: revoke the token."""
    outcome = revoke(call, request.merchant, request.token_id, foreign=request.foreign)
    return Reply({"revocation": outcome.value}, 202 if outcome is RevocationStatus.PENDING else 200)
