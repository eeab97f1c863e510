"""Make another Shopify token current."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import Rotate


@entry.handler(wiring.SHOPIFY, accepts=Rotate)
def handler(request: Rotate, broker: ListingBroker) -> entry.Reply:
    """POST /merchants/{merchant}/shopify/rotations"""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return entry.Reply(report, report.status)
