"""Decide which pages get a shop's tokens."""

from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.storefronts.admission import Admission
from token_broker.wiring.storefronts import STOREFRONTS


@authorizer(STOREFRONTS)
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """GET /storefront/{merchant}/…: the page's origin and the merchant's policy. Never cached by the gateway."""
    return admission.admit_page(request.merchant, request.operation, request.header("origin"))
