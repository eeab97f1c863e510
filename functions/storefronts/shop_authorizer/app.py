"""Decide which pages get a shop's tokens."""

from token_broker import trust_wiring
from token_broker.authorizing import Question, authorizer
from token_broker.grant import Grant
from token_broker.trust import Trust


@authorizer(trust_wiring.STOREFRONTS)
def handler(asked: Question, trust: Trust) -> Grant:
    """GET /storefront/{merchant}/…: the page's origin and the merchant's policy. Never cached by the gateway."""
    return trust.admit_page(asked.merchant, asked.operation, asked.header("origin"))
