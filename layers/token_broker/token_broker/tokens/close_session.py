"""Closing a checkout session: its order is placed, and no token is for it any more."""

from dataclasses import dataclass
from typing import Any

from token_broker.domain.token import session_subject
from token_broker.ports.provider import Provider
from token_broker.tokens.call import Call


@dataclass(frozen=True, slots=True)
class ClosedSession:
    """A session that is closed, since `closed_at` (Unix seconds), by the order that closed it first."""

    session_id: str
    closed_at: int
    order_id: str | None

    def as_json(self) -> dict[str, Any]:
        """The answer of the close route."""
        shown: dict[str, Any] = {"sessionId": self.session_id, "closed": True, "closedAt": self.closed_at}
        return shown if self.order_id is None else {**shown, "orderId": self.order_id}


def close_session(call: Call[Provider], merchant: str, session_id: str, order_id: str | None) -> ClosedSession:
    """From now on this session gets no token, nor does a caller who is minting one. Repeated, it changes nothing.

    The merchant's secret is not asked for: an order is placed also where the secret was taken away meanwhile.
    """
    closure = call.store.close_session(merchant, session_subject(session_id), order_id)
    if closure.new:
        call.telemetry.count("SessionsClosed")
    elif order_id is not None and closure.order_id not in (None, order_id):
        # One session is one order; that the second came is the order system's to look into.
        call.telemetry.notice("session_closed_by_another_order", merchant=merchant)
    return ClosedSession(session_id, closure.closed_at, closure.order_id)
