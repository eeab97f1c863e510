"""Decide which pages get a shop's tokens."""

from token_broker.domain.grant import Grant
from token_broker.entrypoints.authorizer import Question, authorizer
from token_broker.storefronts.admission import Trust
from token_broker.wiring.storefronts import STOREFRONTS


@authorizer(STOREFRONTS)
def handler(asked: Question, trust: Trust) -> Grant:
    """GET /storefront/{merchant}/…: the page's origin and the merchant's policy. Never cached by the gateway."""
    return trust.admit_page(asked.merchant, asked.operation, asked.header("origin"))
