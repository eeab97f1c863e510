"""Close a checkout session: its order is placed."""

from token_broker import entry, wiring
from token_broker.broker import Broker
from token_broker.closing import ClosedSession
from token_broker.inputs import CloseSession
from token_broker.ports import Provider


@entry.handler(wiring.CHICKSX, accepts=CloseSession, queue=True)
def handler(request: CloseSession, broker: Broker[Provider]) -> ClosedSession:
    """POST /merchants/{merchant}/chicksx/sessions/{sessionId}/close"""
    return broker.close_session(request.merchant, request.session_id, request.order_id)
