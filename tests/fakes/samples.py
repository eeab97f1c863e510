"""Tokens as tests need them: everything has a default."""

from typing import Any

from tests.fakes.clock import NOW
from token_broker.domain import events
from token_broker.domain.credential_pair import MerchantState, StateReason
from token_broker.domain.events import Event
from token_broker.domain.rotation import Rotation, Succession
from token_broker.domain.token import SHOP, Change, ProviderToken, Reason, State, Token, Use, token_from

_OF_THE_ANSWER = ("access_token", "expires_at", "scope", "account_id", "provider_data")
#: Somebody who asks for something.
BY_ANN = Change("ann", Reason.REQUESTED)
ROTATION = "onswg4tforzxi2lomfrggzdfmy"
USE = Use("header", "X-Token", "https://shop.example/api")


def minted(number: str = "1001", **changes: Any) -> ProviderToken:
    """Build a provider's token."""
    fields: dict[str, Any] = {
        "token_id": number,
        "access_token": f"value-of-{number}",
        "token_type": "sample",
        "scope": ("read",),
        "issued_at": int(NOW),
        "expires_at": None,
        "use": USE,
    }
    return ProviderToken(**{**fields, **changes})


def token(number: str = "1001", **changes: Any) -> Token:
    """Build a token as the store keeps it."""
    known = {name: changes.pop(name) for name in _OF_THE_ANSWER if name in changes}
    fields: dict[str, Any] = {"provider": "sample", "merchant": "acme", "subject": SHOP, "state": State.CURRENT}
    return token_from(minted(number, **known), **{**fields, **changes})


def rotation(merchant: str, rotation_id: str) -> Rotation:
    """Build an open rotation."""
    now = int(NOW)
    return Rotation(merchant, rotation_id, "1001", compromised=False, requested_by="ann", requested_at=now, due_at=now)


def every_event(merchant: str = "acme", at: float = NOW, *, provider: str = "sample", value: str = "v") -> list[Event]:
    """Build an event of each type, of tokens with this value."""
    issued = token(provider=provider, merchant=merchant, access_token=value)
    succession = Succession(token("1000"), State.RETIRING, int(at) + 60, ROTATION)
    active, locked_out = MerchantState
    return [
        events.token_issued(issued, reason="minted", at=at),
        events.token_rotated(issued, succession, at=at),
        events.session_closed(provider, merchant, "s-1", order_id=None, closed_at=int(at)),
        events.rotation_failed(provider, rotation(merchant, ROTATION), "rate_limited", retrying=True, at=at),
        events.token_limit_near(provider, merchant, used=85, limit=100, at=at),
        events.token_revoked(issued, reason="rotated", at=at),
        events.merchant_state_changed(
            provider, merchant, before=active, after=locked_out, reason=StateReason.REFRESH_TOKEN_REFUSED, at=at
        ),
    ]
