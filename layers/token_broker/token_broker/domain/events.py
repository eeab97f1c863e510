"""Build the events that the broker publishes, as plain data.

Each member is taken by name, so an event never has a token's value. `docs/reference/events/` has the schemas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from token_broker.domain.ownership_tag import new_intent_id
from token_broker.domain.token import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.domain.credential_pair import MerchantState, StateReason
    from token_broker.domain.rotation import Rotation, Succession
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
    "MerchantStateChanged": ("from", "to", "reason"),
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
    return _of_token("TokenIssued", token, at, state=token.state.value, expiresAt=token.expires_at, why=reason)


def token_rotated(token: Token, succession: Succession, *, at: float) -> Event:
    """Report that the subject has another current token.

    `overlapEndsAt` is null if the previous token no longer works. `rotationId` is null if the provider itself replaced
    the token.
    """
    return _of_token(
        "TokenRotated",
        token,
        at,
        rotationId=succession.rotation_id,
        previousTokenId=succession.previous.token_id,
        overlapEndsAt=succession.until if succession.state is State.RETIRING else None,
        compromised=succession.state is State.REVOKING,
    )


def token_revoked(token: Token, *, reason: str, at: float) -> Event:
    """Report that a token has ended at its provider.

    `reason` (the member `why`) is requested, rotated, compromised or lost.
    """
    return _of_token("TokenRevoked", token, at, why=reason)


def session_closed(provider: str, merchant: str, session_id: str, *, order_id: str | None, closed_at: int) -> Event:
    """Report that a session is closed for ever."""
    members = {"sessionId": session_id, "orderId": order_id, "closedAt": closed_at}
    return _event("SessionClosed", provider, merchant, closed_at, members)


def rotation_failed(provider: str, rotation: Rotation, code: str, *, retrying: bool, at: float) -> Event:
    """Report that a rotation failed with an error's code. `retrying` is True if the worker retries it."""
    members: dict[str, Plain] = {"rotationId": rotation.rotation_id, "code": code, "retrying": retrying}
    return _event("RotationFailed", provider, rotation.merchant, at, members)


def token_limit_near(provider: str, merchant: str, *, used: int, limit: int, at: float) -> Event:
    """Report that few of the provider's quota slots are free."""
    members = {"used": used, "limit": limit, "headroom": max(0, limit - used)}
    return _event("TokenLimitNear", provider, merchant, at, members)


def merchant_state_changed(
    provider: str, merchant: str, *, before: MerchantState, after: MerchantState, reason: StateReason, at: float
) -> Event:
    """Report that the merchant's credentials have stopped working at the provider, or work again."""
    members: dict[str, Plain] = {"from": before.value, "to": after.value, "reason": reason.value}
    return _event("MerchantStateChanged", provider, merchant, at, members)


def _of_token(kind: str, token: Token, at: float, **members: Plain) -> Event:
    same = {"subject": token.subject, "tokenId": token.token_id, "fingerprint": token.digest}
    return _event(kind, token.provider, token.merchant, at, {**same, **members})


def _event(kind: str, provider: str, merchant: str, at: float, members: Mapping[str, Plain]) -> Event:
    return Event(kind, provider, merchant, members, int(at), new_intent_id())
