"""Work off what is due of a merchant at Shopify."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Maintain
from token_broker.lifecycle.worker import WorkSummary
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/maintain", accepts=Maintain, queue=True)
def handler(request: Maintain, broker: ListingBroker) -> WorkSummary:
    """Messages of Shopify's queue of work, one for each merchant that something is due of."""
    return broker.maintain(request.merchant, request.items)
