"""Revoke a Shopify storefront access token."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import RevokeToken


@entry.handler(wiring.SHOPIFY, accepts=RevokeToken)
def handler(request: RevokeToken, broker: ListingBroker) -> entry.Reply:
    """DELETE /merchants/{merchant}/shopify/storefront-access-tokens/{tokenId}"""
    confirmed = broker.revoke(request.merchant, request.token_id, foreign=request.foreign)
    if confirmed:
        return entry.Reply({"revocation": "confirmed"}, 200)
    return entry.Reply({"revocation": "pending"}, 202)
