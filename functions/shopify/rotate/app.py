"""Rotate a shop's current Shopify token."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.lifecycle.rotate import rotate
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(shopify(PROVIDER_CALLS), "shopify/rotate", accepts=Rotate, events=("api", "direct"))
def handler(request: Rotate, call: Call[ListingProvider]) -> Reply:
    """Handle POST /merchants/{merchant}/shopify/rotations: make another token current."""
    report = rotate(call, request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
