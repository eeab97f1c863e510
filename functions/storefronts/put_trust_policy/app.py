"""Create or replace a merchant's trust policy."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import PutTrustPolicy
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring import WRITES, trust_policies


@entrypoint(trust_policies(WRITES), "storefronts/put_trust_policy", accepts=PutTrustPolicy, events=("api", "direct"))
def handler(request: PutTrustPolicy, policies: TrustPolicies) -> Reply:
    """Handle PUT /merchants/{merchant}/trust-policy: create or replace the policy."""
    revision, created = policies.put(request.merchant, request.document, request.precondition)
    return Reply(request.document, 201 if created else 200, revision)
