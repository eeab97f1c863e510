"""Compare the records with Shopify's list of tokens."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Reconcile
from token_broker.lifecycle.reconcile import reconcile
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import Call
from token_broker.wiring import PROVIDER_CALLS, shopify


@entrypoint(shopify(PROVIDER_CALLS), "shopify/reconcile", accepts=Reconcile, events=("api", "direct"))
def handler(request: Reconcile, call: Call[ListingProvider]) -> dict[str, Any]:
    """Handle POST /merchants/{merchant}/shopify/reconciliations: compare the records, and correct them if asked."""
    return reconcile(call, request.merchant, apply=request.apply)
