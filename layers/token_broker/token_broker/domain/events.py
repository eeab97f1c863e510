"""What the broker tells the world, as plain data. No value of a token is in an event: each member is taken by name, and
`docs/events/` has a schema for each type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from token_broker.domain.ownership_tag import new_intent_id
from token_broker.domain.token import Token

#: A member of an event's detail.
type Plain = str | int | None

#: Each type's members, beside those that all events have.
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


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that has happened. `occurred_at` is in Unix seconds; `event_id` is 128 random bits in base32, and stays
    the same however often the event is delivered.
    """

    type: str
    provider: str
    merchant: str
    detail: Mapping[str, Plain]
    occurred_at: int
    event_id: str = field(default_factory=new_intent_id)

    def as_json(self) -> dict[str, Plain]:
        """What subscribers get."""
        return {
            "eventId": self.event_id,
            "provider": self.provider,
            "merchant": self.merchant,
            "occurredAt": self.occurred_at,
            **self.detail,
        }


def token_issued(token: Token, *, reason: str, at: float) -> Event:
    """A token is stored and can be served; `why` is minted, rotated, adopted or reconciled."""
    detail: dict[str, Plain] = {
        **_what(token),
        "state": token.state.value,
        "expiresAt": token.expires_at,
        "why": reason,
    }
    return Event("TokenIssued", token.provider, token.merchant, detail, int(at))


def token_rotated(
    token: Token,
    *,
    previous_token_id: str,
    at: float,
    rotation_id: str | None = None,
    overlap_ends_at: int | None = None,
    compromised: bool = False,
) -> Event:
    """The subject has another current token: build or configure with this one. The previous one works until
    `overlap_ends_at`; where that is None, not any more. A rotation without an id is the provider's own.
    """
    detail: dict[str, Plain] = {
        **_what(token),
        "rotationId": rotation_id,
        "previousTokenId": previous_token_id,
        "overlapEndsAt": overlap_ends_at,
        "compromised": compromised,
    }
    return Event("TokenRotated", token.provider, token.merchant, detail, int(at))


def token_revoked(token: Token, *, reason: str, at: float) -> Event:
    """A token has ended at its provider; `why` is requested, rotated, compromised or lost."""
    return Event("TokenRevoked", token.provider, token.merchant, {**_what(token), "why": reason}, int(at))


def session_closed(provider: str, merchant: str, session_id: str, *, order_id: str | None, closed_at: int) -> Event:
    """No token for this session ever again."""
    detail = {"sessionId": session_id, "orderId": order_id, "closedAt": closed_at}
    return Event("SessionClosed", provider, merchant, detail, closed_at)


def rotation_failed(provider: str, merchant: str, *, rotation_id: str, code: str, retrying: bool, at: float) -> Event:
    """A step of a rotation failed with an error's code; `retrying` says whether it goes on by itself."""
    detail: dict[str, Plain] = {"rotationId": rotation_id, "code": code, "retrying": retrying}
    return Event("RotationFailed", provider, merchant, detail, int(at))


def token_limit_near(provider: str, merchant: str, *, used: int, limit: int, at: float) -> Event:
    """The provider keeps only so many tokens, and few places are left."""
    detail = {"used": used, "limit": limit, "headroom": max(0, limit - used)}
    return Event("TokenLimitNear", provider, merchant, detail, int(at))


def _what(token: Token) -> dict[str, Plain]:
    return {"subject": token.subject, "tokenId": token.token_id, "fingerprint": token.digest}
