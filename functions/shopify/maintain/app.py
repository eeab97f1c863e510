"""Do a merchant's pending work at Shopify."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import DIRECT, SQS
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Maintain
from token_broker.lifecycle.worker import WorkSummary
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/maintain", accepts=Maintain, events=(DIRECT, SQS))
def handler(request: Maintain, broker: ListingBroker) -> WorkSummary:
    """Handle messages of Shopify's work queue: do the pending work of one merchant."""
    return broker.maintain(request.merchant, request.items)
