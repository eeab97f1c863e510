"""Change a merchant's Shopify rotation settings."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import PutRotationSettings
from token_broker.lifecycle import rotation_settings
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import WRITES, shopify


@entrypoint(shopify(WRITES), "shopify/put_rotation_settings", accepts=PutRotationSettings, events=("api", "direct"))
def handler(request: PutRotationSettings, call: Call[ListingProvider]) -> Reply:
    """Handle PUT /merchants/{merchant}/shopify/rotation-settings: replace the settings."""
    revision = rotation_settings.change(call, request.merchant, request.settings, request.precondition)
    return Reply(request.settings, 200, revision)
