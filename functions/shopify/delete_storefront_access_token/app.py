"""Revoke a Shopify storefront access token."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import RevokeToken
from token_broker.model import Outcome


@entry.handler(wiring.SHOPIFY, accepts=RevokeToken)
def handler(request: RevokeToken, broker: ListingBroker) -> entry.Reply:
    """DELETE /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}"""
    outcome = broker.revoke(request.merchant, request.token_id, foreign=request.foreign)
    return entry.Reply({"revocation": outcome.value}, 202 if outcome is Outcome.PENDING else 200)
