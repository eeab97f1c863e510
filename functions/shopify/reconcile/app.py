"""Compare our records with Shopify's list of tokens."""

from token_broker import entry, wiring
from token_broker.broker import ListingBroker
from token_broker.inputs import Reconcile
from token_broker.reconciling import Reconciled


@entry.handler(wiring.SHOPIFY, accepts=Reconcile)
def handler(request: Reconcile, broker: ListingBroker) -> Reconciled:
    """POST /merchants/{merchant}/shopify/reconciliations"""
    return broker.reconcile(request.merchant, apply=request.apply)
