"""Show a merchant's Shopify rotation settings."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import MerchantInput
from token_broker.lifecycle import rotation_settings
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import shopify


@entrypoint(shopify(), "shopify/get_rotation_settings", accepts=MerchantInput, events=("api", "direct"))
def handler(request: MerchantInput, call: Call[ListingProvider]) -> Reply:
    """Handle GET /merchants/{merchant}/shopify/rotation-settings: show the settings and their revision."""
    settings, revision = rotation_settings.shown(call, request.merchant)
    return Reply(settings, 200, revision or None)
