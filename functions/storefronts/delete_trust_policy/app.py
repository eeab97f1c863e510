"""Delete a merchant's trust policy."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import DeleteTrustPolicy
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring import WRITES, trust_policies


@entrypoint(
    trust_policies(WRITES), "storefronts/delete_trust_policy", accepts=DeleteTrustPolicy, events=("api", "direct")
)
def handler(request: DeleteTrustPolicy, policies: TrustPolicies) -> Reply:
    """Handle DELETE /merchants/{merchant}/trust-policy: delete the policy."""
    return Reply({"deleted": policies.delete(request.merchant, request.precondition)}, 200)
