"""Build the events that the broker publishes, as plain data.

Each member is taken by name, so an event never has a token's value. `docs/events/` has a schema for each type.
"""

from collections.abc import Mapping
from typing import NamedTuple

from token_broker.domain.ownership_tag import new_intent_id
from token_broker.domain.token import Token

#: The value of one member of an event's detail.
type Plain = str | int | None

#: Each type's members, in addition to those that all events have.
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "TokenIssued": ("subject", "tokenId", "fingerprint", "state", "expiresAt", "why"),
    "TokenRotated": (
        "subject",
        "rotationId",
        "tokenId",
        "fingerprint",
        "previousTokenId",
        "overlapEndsAt",
        "compromised",
    ),
    "TokenRevoked": ("subject", "tokenId", "fingerprint", "why"),
    "SessionClosed": ("sessionId", "orderId", "closedAt"),
    "RotationFailed": ("rotationId", "code", "retrying"),
    "TokenLimitNear": ("used", "limit", "headroom"),
}


class Event(NamedTuple):
    """Hold one event. `occurred_at` is in Unix seconds.

    `event_id` is 128 random bits in base32. It stays the same however often the event is delivered.
    """

    type: str
    provider: str
    merchant: str
    detail: Mapping[str, Plain]
    occurred_at: int
    event_id: str

    def as_json(self) -> dict[str, Plain]:
        """Return the detail that subscribers receive."""
        return {
            "eventId": self.event_id,
            "provider": self.provider,
            "merchant": self.merchant,
            "occurredAt": self.occurred_at,
            **self.detail,
        }


def token_issued(token: Token, *, reason: str, at: float) -> Event:
    """Report that a token is stored and can be served.

    `reason` (the member `why`) is minted, rotated, adopted or reconciled.
    """
    detail: dict[str, Plain] = {
        **_token_members(token),
        "state": token.state.value,
        "expiresAt": token.expires_at,
        "why": reason,
    }
    return Event("TokenIssued", token.provider, token.merchant, detail, int(at), new_intent_id())


def token_rotated(
    token: Token,
    *,
    previous_token_id: str,
    at: float,
    rotation_id: str | None = None,
    overlap_ends_at: int | None = None,
    compromised: bool = False,
) -> Event:
    """Report that the subject has another current token.

    The previous token works until `overlap_ends_at` (Unix seconds), and no longer works if that is None. `rotation_id`
    is None if the provider itself replaced the token.
    """
    detail: dict[str, Plain] = {
        **_token_members(token),
        "rotationId": rotation_id,
        "previousTokenId": previous_token_id,
        "overlapEndsAt": overlap_ends_at,
        "compromised": compromised,
    }
    return Event("TokenRotated", token.provider, token.merchant, detail, int(at), new_intent_id())


def token_revoked(token: Token, *, reason: str, at: float) -> Event:
    """Report that a token has ended at its provider.

    `reason` (the member `why`) is requested, rotated, compromised or lost.
    """
    return Event(
        "TokenRevoked",
        token.provider,
        token.merchant,
        {**_token_members(token), "why": reason},
        int(at),
        new_intent_id(),
    )


def session_closed(provider: str, merchant: str, session_id: str, *, order_id: str | None, closed_at: int) -> Event:
    """Report that a session is closed for ever."""
    detail = {"sessionId": session_id, "orderId": order_id, "closedAt": closed_at}
    return Event("SessionClosed", provider, merchant, detail, closed_at, new_intent_id())


def rotation_failed(provider: str, merchant: str, *, rotation_id: str, code: str, retrying: bool, at: float) -> Event:
    """Report that a rotation failed with an error's code. `retrying` is True if the worker retries it."""
    detail: dict[str, Plain] = {"rotationId": rotation_id, "code": code, "retrying": retrying}
    return Event("RotationFailed", provider, merchant, detail, int(at), new_intent_id())


def token_limit_near(provider: str, merchant: str, *, used: int, limit: int, at: float) -> Event:
    """Report that few of the provider's quota slots are free."""
    detail = {"used": used, "limit": limit, "headroom": max(0, limit - used)}
    return Event("TokenLimitNear", provider, merchant, detail, int(at), new_intent_id())


def _token_members(token: Token) -> dict[str, Plain]:
    return {"subject": token.subject, "tokenId": token.token_id, "fingerprint": token.digest}
