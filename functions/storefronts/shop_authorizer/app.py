"""Decide which pages get a shop's tokens."""

from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import AuthorizerRequest, authorizer
from token_broker.storefronts.admission import Admission
from token_broker.wiring import admission


@authorizer(admission(), kinds=("storefront",))
def handler(request: AuthorizerRequest, admission: Admission) -> Grant:
    """Handle GET /storefront/{merchant}/…: admit a page by its origin. API Gateway does not cache the decision."""
    return admission.admit_page(request.merchant, request.operation, request.header("origin"))
