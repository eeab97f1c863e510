"""Close a checkout session after its order was placed."""

from typing import Any

from token_broker.domain.token import session_subject
from token_broker.ports.provider import Provider
from token_broker.tokens.call import Call


def close_session(call: Call[Provider], merchant: str, session_id: str, order_id: str | None) -> dict[str, Any]:
    """Close the session, so that it never gets a token again. Return when that was, and the order that closed it first.

    A repeated call changes nothing.
    A mint in progress for the session fails. The merchant's secret is not read, since an order can be placed after the
    secret was deleted.
    """
    closure = call.store.sessions.close(merchant, session_subject(session_id), order_id)
    if closure.new:
        call.telemetry.count("SessionsClosed")
    elif order_id is not None and closure.order_id not in (None, order_id):
        # A session has one order. The operator of the order system must find out why a second one came.
        call.telemetry.notice("session_closed_by_another_order", merchant=merchant)
    body = {"sessionId": session_id, "closed": True, "closedAt": closure.closed_at}
    return body if closure.order_id is None else {**body, "orderId": closure.order_id}
