"""The words of the product as plain data. Times are Unix seconds, ids are strings."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: Subject of a token that stands for the whole shop; a session's subject is `session:<id>`.
SHOP = "shop"


def session_subject(session_id: str) -> str:
    """The subject of one checkout session."""
    return f"session:{session_id}"


def session_of(subject: str) -> str:
    """The session that a subject is."""
    return subject.removeprefix("session:")


def fingerprint(value: str) -> str:
    """What stands for a token wherever its value must not: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


class State(StrEnum):
    """Where a token is in its life."""

    CURRENT = "current"
    STANDING = "standing"
    RETIRING = "retiring"
    REVOKING = "revoking"
    REVOKED = "revoked"
    LOST = "lost"


#: States in which a token may be handed out.
SERVABLE = frozenset({State.CURRENT, State.STANDING, State.RETIRING})


class Reason(StrEnum):
    """What moved a token from one state to another."""

    MINTED = "minted"
    ADOPTED = "adopted"
    RECONCILED = "reconciled"
    REQUESTED = "requested"
    ROTATED = "rotated"
    COMPROMISED = "compromised"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Change:
    """Who brings a change about, and why."""

    actor: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Transition:
    """One line of a token's history: when (Unix seconds), by whom, from which state to which, and why."""

    at: int
    by: str
    before: State | None
    after: State
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The line as a record and an answer show it."""
        before = None if self.before is None else self.before.value
        return {"at": self.at, "by": self.by, "from": before, "to": self.after.value, "why": self.reason}


class RevocationStatus(StrEnum):
    """What became of something that only the provider can do."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    UNSUPPORTED = "unsupported"


class Origin(StrEnum):
    """Who made a token at the provider."""

    BROKER = "broker"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Use:
    """How a frontend sends a token: `place` is header, query or sdk."""

    location: str
    name: str
    url: str | None = None

    def as_json(self) -> dict[str, str]:
        """The `use` member of an answer."""
        shown = {"in": self.location, "name": self.name}
        return shown if self.url is None else {**shown, "url": self.url}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderToken:
    """A provider's checked answer: one token, with nothing about who it was made for."""

    token_id: str
    access_token: str = field(repr=False)
    token_type: str
    scope: tuple[str, ...]
    issued_at: int
    expires_at: int | None
    use: Use
    title: str | None = None
    account_id: str = ""
    provider_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An issued token as the store keeps it and an answer shows it.

    `realm` is where at the provider it lives (Shopify: the shop's domain), so that a secret that was changed to another
    shop is noticed before anything is asked there.

    `access_token` is None once the value must not be handed out any more; `digest` (the fingerprint) stays.
    `requested_scope` is what the caller asked for, None where it left the choice to the provider.
    """

    provider: str
    merchant: str
    subject: str
    token_id: str
    access_token: str | None = field(repr=False)
    digest: str
    token_type: str
    scope: tuple[str, ...]
    issued_at: int
    expires_at: int | None
    use: Use
    state: State
    origin: Origin = Origin.BROKER
    title: str | None = None
    requested_by: str = ""
    requested_scope: tuple[str, ...] | None = None
    account_id: str = ""
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    #: No part of what the token is: the copy that is served has none.
    history: tuple[Transition, ...] = field(default=(), compare=False)

    def as_json(self) -> dict[str, Any]:
        """The one token shape of all answers."""
        shown: dict[str, Any] = {
            "provider": self.provider,
            "merchant": self.merchant,
            "tokenId": self.token_id,
            "accessToken": self.access_token,
            "tokenType": self.token_type,
            "scope": list(self.scope),
            "issuedAt": self.issued_at,
            "expiresAt": self.expires_at,
            "subject": self.subject,
            "use": self.use.as_json(),
            "providerData": dict(self.provider_data),
        }
        if self.title is not None:
            shown["title"] = self.title
        return shown

    def left(self, now: float) -> float:
        """Seconds until it expires; infinite where the provider gives no end."""
        return float("inf") if self.expires_at is None else self.expires_at - now


def token_from(
    minted: ProviderToken, *, provider: str, merchant: str, subject: str, state: State, **more: Any
) -> Token:
    """A provider's answer, made ours: whose it is, what for, and how it stands."""
    return Token(
        provider=provider,
        merchant=merchant,
        subject=subject,
        state=state,
        token_id=minted.token_id,
        access_token=minted.access_token,
        digest=fingerprint(minted.access_token),
        token_type=minted.token_type,
        scope=minted.scope,
        issued_at=minted.issued_at,
        expires_at=minted.expires_at,
        use=minted.use,
        account_id=minted.account_id,
        provider_data=minted.provider_data,
        **{"title": minted.title, **more},
    )
