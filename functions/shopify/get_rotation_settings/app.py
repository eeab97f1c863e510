"""Show a merchant's Shopify rotation settings."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import GetRotationSettings
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/get_rotation_settings", accepts=GetRotationSettings, events=(API_GATEWAY, DIRECT))
def handler(request: GetRotationSettings, broker: ListingBroker) -> Reply:
    """Handle GET /merchants/{merchant}/shopify/rotation-settings: show the settings and their revision."""
    settings, revision = broker.rotation_settings(request.merchant)
    return Reply(settings, 200, revision or None)
