"""Close a checkout session whose order was placed."""

from typing import Any

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import CloseSession
from token_broker.tokens.call import Call
from token_broker.tokens.close_session import close_session
from token_broker.wiring import WRITES, chicksx


@entrypoint(chicksx(WRITES), "chicksx/close_session", accepts=CloseSession, events=("api", "direct", "queue"))
def handler(request: CloseSession, call: Call) -> dict[str, Any]:
    """Handle POST /merchants/{merchant}/chicksx/sessions/{sessionId}/close: close the session."""
    return close_session(call, request.merchant, request.session_id, request.order_id)
