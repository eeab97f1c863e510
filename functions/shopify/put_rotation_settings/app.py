"""Change a merchant's Shopify rotation settings."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import PutRotationSettings
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/put_rotation_settings", accepts=PutRotationSettings, events=(API_GATEWAY, DIRECT))
def handler(request: PutRotationSettings, broker: ListingBroker) -> Reply:
    """Handle PUT /merchants/{merchant}/shopify/rotation-settings: replace the settings."""
    revision = broker.change_rotation_settings(request.merchant, request.settings, request.precondition)
    return Reply(request.settings, 200, revision)
