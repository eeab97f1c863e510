"""Rotate a shop's current Shopify token."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/rotate", accepts=Rotate, events=(API_GATEWAY, DIRECT))
def handler(request: Rotate, broker: ListingBroker) -> Reply:
    """Handle POST /merchants/{merchant}/shopify/rotations: make another token current."""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
