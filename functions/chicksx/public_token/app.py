"""Serve the ChicksX token of one checkout session."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import GetSessionToken
from token_broker.tokens.call import Call
from token_broker.tokens.serve import session_token
from token_broker.wiring import PROVIDER_CALLS, chicksx


# Most calls are the first ones of a session, and mint.
@entrypoint(
    chicksx(PROVIDER_CALLS), "chicksx/public_token", accepts=GetSessionToken, events=("api", "direct", "storefront")
)
def handler(request: GetSessionToken, call: Call) -> Reply:
    """Handle POST /merchants/{merchant}/chicksx/public-tokens: serve the session's token, or mint one."""
    token, created = session_token(call, request.merchant, request.session_id, request.scope)
    return Reply(token, 201 if created else 200)
