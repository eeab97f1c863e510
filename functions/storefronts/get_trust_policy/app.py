"""Show a merchant's trust policy."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import MerchantInput
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.wiring import trust_policies


@entrypoint(trust_policies(), "storefronts/get_trust_policy", accepts=MerchantInput, events=("api", "direct"))
def handler(request: MerchantInput, policies: TrustPolicies) -> Reply:
    """Handle GET /merchants/{merchant}/trust-policy: show the policy and its revision."""
    document, revision = policies.get(request.merchant)
    return Reply(dict(document), 200, revision)
