"""Compare the records with Shopify's list of tokens."""

from token_broker.broker import ListingBroker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Reconcile
from token_broker.lifecycle.reconcile import ReconciliationReport
from token_broker.wiring.providers import SHOPIFY


@entrypoint(SHOPIFY, "shopify/reconcile", accepts=Reconcile, events=(API_GATEWAY, DIRECT))
def handler(request: Reconcile, broker: ListingBroker) -> ReconciliationReport:
    """Handle POST /merchants/{merchant}/shopify/reconciliations: compare the records, and correct them if asked."""
    return broker.reconcile(request.merchant, apply=request.apply)
