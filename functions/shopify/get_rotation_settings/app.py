"""Show how a merchant's Shopify tokens are rotated."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import GetRotationSettings


@entry.handler(wiring.SHOPIFY, accepts=GetRotationSettings)
def handler(request: GetRotationSettings, broker: ListingBroker) -> entry.Reply:
    """GET /merchants/{merchant}/shopify/rotation-settings"""
    settings, revision = broker.rotation_settings(request.merchant)
    return entry.Reply(settings, 200, revision or None)
