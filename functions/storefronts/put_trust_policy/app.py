"""Say which storefronts of a merchant are trusted, and with what."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import PutTrustPolicy
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring.storefronts import STOREFRONTS


@entrypoint(STOREFRONTS, "storefronts/put_trust_policy", accepts=PutTrustPolicy)
def handler(request: PutTrustPolicy, policies: TrustPolicies) -> Reply:
    """PUT /merchants/{merchant}/trust-policy"""
    revision, created = policies.put(request.merchant, request.document, request.precondition)
    return Reply(request.document, 201 if created else 200, revision)
