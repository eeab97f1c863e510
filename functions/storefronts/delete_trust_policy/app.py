"""Trust a merchant's storefronts with nothing any more."""

from token_broker import entry, trust_wiring
from token_broker.inputs import DeleteTrustPolicy
from token_broker.policies import Policies


@entry.handler(trust_wiring.STOREFRONTS, accepts=DeleteTrustPolicy)
def handler(request: DeleteTrustPolicy, policies: Policies) -> entry.Reply:
    """DELETE /merchants/{merchant}/trust-policy"""
    return entry.Reply({"deleted": policies.delete(request.merchant, request.precondition)}, 200)
