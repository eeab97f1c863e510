"""Do a merchant's pending work at Shopify."""

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Maintain
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import shopify


@entrypoint(shopify(), "shopify/maintain", accepts=Maintain, events=("direct", "queue"))
def handler(request: Maintain, call: Call[ListingProvider]) -> dict[str, int]:
    """Handle messages of Shopify's work queue: do the pending work of one merchant."""
    return maintain(call, request.merchant, request.items)
