"""Read the events that the broker publishes on the stack's event bus.

`parse` returns one of the classes here. An event can arrive more than once, with the same `event_id`, and in any order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from token_broker_client.errors import MalformedAnswer
from token_broker_client.members import Model, named

SOURCE = "token-broker"


@dataclass(frozen=True, kw_only=True)
class Event(Model):
    """Hold what all events have. `occurred_at` is in Unix seconds.

    An event of a newer broker has its other members in `extra`. `type` is its name.
    """

    type: str
    event_id: str
    provider: str
    merchant: str
    occurred_at: int


@dataclass(frozen=True, kw_only=True)
class TokenIssued(Event):
    """Report a token that is stored and served from now on."""

    subject: str
    token_id: str
    fingerprint: str
    state: str
    expires_at: int | None
    why: str


@dataclass(frozen=True, kw_only=True)
class TokenRotated(Event):
    """Report that another token is current. `overlap_ends_at` is None if the previous one no longer works."""

    subject: str
    rotation_id: str | None
    token_id: str
    fingerprint: str
    previous_token_id: str
    overlap_ends_at: int | None
    compromised: bool


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    """Report that a token has ended at its provider."""

    subject: str
    token_id: str
    fingerprint: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SessionClosed(Event):
    """Report that a checkout session never gets a token again."""

    session_id: str
    order_id: str | None
    closed_at: int


@dataclass(frozen=True, kw_only=True)
class RotationFailed(Event):
    """Report that a rotation failed at a step. The current token stays."""

    rotation_id: str
    code: str
    retrying: bool


@dataclass(frozen=True, kw_only=True)
class TokenLimitNear(Event):
    """Report that the provider allows only a few more tokens at this shop."""

    used: int
    limit: int
    headroom: int


@dataclass(frozen=True, kw_only=True)
class MerchantStateChanged(Event):
    """Report that a merchant's credentials stopped working, or work again. `before` and `after` are `from` and `to`."""

    before: str = field(metadata=named("from"))
    after: str = field(metadata=named("to"))
    reason: str


_CLASSES: Mapping[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def parse(event: Any) -> Event:
    """Return the event in what EventBridge delivers, or in the body of a queue's message, which is JSON text.

    Raises `MalformedAnswer` if it is no event of Token Broker, or if a member is missing.
    """
    if isinstance(event, str | bytes):
        try:
            event = json.loads(event)
        except (ValueError, RecursionError):
            raise MalformedAnswer("The event is not JSON.") from None
    delivered = cast("Mapping[str, Any]", event if isinstance(event, Mapping) else {})
    if delivered.get("source") != SOURCE:
        raise MalformedAnswer(f"This is no event of the source {SOURCE}.")
    kind = str(delivered.get("detail-type", ""))
    return _CLASSES.get(kind, Event).from_json(delivered.get("detail"), type=kind)
