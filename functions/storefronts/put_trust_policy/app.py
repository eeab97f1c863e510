"""Say which storefronts of a merchant are trusted, and with what."""

from token_broker import entry, trust_wiring
from token_broker.inputs import PutTrustPolicy
from token_broker.policies import Policies


@entry.handler(trust_wiring.STOREFRONTS, accepts=PutTrustPolicy)
def handler(request: PutTrustPolicy, policies: Policies) -> entry.Reply:
    """PUT /merchants/{merchant}/trust-policy"""
    revision, created = policies.put(request.merchant, request.document, request.precondition)
    return entry.Reply(request.document, 201 if created else 200, revision)
