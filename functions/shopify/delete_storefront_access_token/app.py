"""Revoke a Shopify storefront access token."""

from token_broker.broker import ListingBroker
from token_broker.domain.token import RevocationStatus
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import RevokeToken
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/delete_storefront_access_token", accepts=RevokeToken, events=(API_GATEWAY, DIRECT))
def handler(request: RevokeToken, broker: ListingBroker) -> Reply:
    """Handle DELETE /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}: revoke the token."""
    outcome = broker.revoke(request.merchant, request.token_id, foreign=request.foreign)
    return Reply({"revocation": outcome.value}, 202 if outcome is RevocationStatus.PENDING else 200)
