"""Close a checkout session whose order was placed."""

from token_broker.broker import Broker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT, SQS
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import CloseSession
from token_broker.ports.provider import Provider
from token_broker.tokens.close_session import ClosedSession
from token_broker.wiring.providers import CHICKSX


@entrypoint(CHICKSX, "chicksx/close_session", accepts=CloseSession, events=(API_GATEWAY, DIRECT, SQS))
def handler(request: CloseSession, broker: Broker[Provider]) -> ClosedSession:
    """Handle POST /merchants/{merchant}/chicksx/sessions/{sessionId}/close: close the session."""
    return broker.close_session(request.merchant, request.session_id, request.order_id)
