"""Show which storefronts of a merchant are trusted, and with what."""

from token_broker import entry, trust_wiring
from token_broker.inputs import GetTrustPolicy
from token_broker.policies import Policies


@entry.handler(trust_wiring.STOREFRONTS, accepts=GetTrustPolicy)
def handler(request: GetTrustPolicy, policies: Policies) -> entry.Reply:
    """GET /merchants/{merchant}/trust-policy"""
    document, revision = policies.get(request.merchant)
    return entry.Reply(dict(document), 200, revision)
