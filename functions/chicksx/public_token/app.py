"""Serve the ChicksX token of one checkout session."""

from token_broker.broker import Broker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT, STOREFRONT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import GetSessionToken
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import CHICKSX


@entrypoint(CHICKSX, "chicksx/public_token", accepts=GetSessionToken, events=(API_GATEWAY, DIRECT, STOREFRONT))
def handler(request: GetSessionToken, broker: Broker[Provider]) -> Reply:
    """Handle POST /merchants/{merchant}/chicksx/public-tokens: serve the session's token, or mint one."""
    token, created = broker.session_token(request.merchant, request.session_id, request.scope)
    return Reply(token, 201 if created else 200)
