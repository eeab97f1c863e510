"""Say how a merchant's Shopify tokens are to be rotated."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import PutRotationSettings


@entry.handler(wiring.SHOPIFY, accepts=PutRotationSettings)
def handler(request: PutRotationSettings, broker: ListingBroker) -> entry.Reply:
    """PUT /merchants/{merchant}/shopify/rotation-settings"""
    revision = broker.change_rotation_settings(request.merchant, request.settings, request.precondition)
    return entry.Reply(request.settings, 200, revision)
