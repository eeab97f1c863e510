"""Work off what is due of a merchant at Shopify."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import Maintain
from token_broker.maintaining import Maintained


@entry.handler(wiring.SHOPIFY, accepts=Maintain, queue=True)
def handler(request: Maintain, broker: ListingBroker) -> Maintained:
    """Messages of Shopify's queue of work, one for each merchant that something is due of."""
    return broker.maintain(request.merchant, request.items)
