"""Delete a merchant's trust policy."""

from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import DeleteTrustPolicy
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring.storefronts import STOREFRONTS


@entrypoint(STOREFRONTS, "storefronts/delete_trust_policy", accepts=DeleteTrustPolicy, events=(API_GATEWAY, DIRECT))
def handler(request: DeleteTrustPolicy, policies: TrustPolicies) -> Reply:
    """Handle DELETE /merchants/{merchant}/trust-policy: delete the policy."""
    return Reply({"deleted": policies.delete(request.merchant, request.precondition)}, 200)
