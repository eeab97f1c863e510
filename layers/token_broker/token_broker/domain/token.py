"""Hold tokens as plain data. Times are Unix seconds, ids are strings."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from token_broker.domain.shown import shown

#: The subject of a shop-wide token. A session's subject is `session:<id>`.
SHOP = "shop"


def session_subject(session_id: str) -> str:
    """Return the subject of a checkout session."""
    return f"session:{session_id}"


def session_of(subject: str) -> str:
    """Return the id of the session that the subject names."""
    return subject.removeprefix("session:")


def fingerprint(value: str) -> str:
    """Return the first 12 hex digits of the value's SHA-256, which are safe to log."""
    return hashlib.sha256(value.encode()).hexdigest()[:12]


class State(StrEnum):
    """List the states of a token."""

    CURRENT = "current"
    STANDING = "standing"
    RETIRING = "retiring"
    REVOKING = "revoking"
    REVOKED = "revoked"
    LOST = "lost"


#: States in which a token's value may be returned.
SERVABLE = frozenset({State.CURRENT, State.STANDING, State.RETIRING})


class Reason(StrEnum):
    """List the reasons for which a token changes its state."""

    MINTED = "minted"
    ADOPTED = "adopted"
    RECONCILED = "reconciled"
    REQUESTED = "requested"
    ROTATED = "rotated"
    COMPROMISED = "compromised"
    LOST = "lost"


class Change(NamedTuple):
    """Hold who changes a token's state, and why. Stored as `by` and `why`."""

    actor: str
    reason: Reason


class Transition(NamedTuple):
    """Hold one line of a token's history. `before` and `after` are stored as `from` and `to`."""

    at: int
    by: str
    before: State | None
    after: State
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the line as it is stored and as a response shows it."""
        before = None if self.before is None else self.before.value
        return {"at": self.at, "by": self.by, "from": before, "to": self.after.value, "why": self.reason}


class RevocationStatus(StrEnum):
    """List the results of a request that only the provider can carry out."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    UNSUPPORTED = "unsupported"


class Origin(StrEnum):
    """List who can have created a token at the provider: this stack or anybody else."""

    BROKER = "broker"
    FOREIGN = "foreign"


class Use(NamedTuple):
    """Hold how a frontend sends a token. `location` is header, query or sdk, and is shown as `in`."""

    location: str
    name: str
    url: str | None = None

    def as_json(self) -> dict[str, str]:
        """Return the `use` member of a response."""
        document = {"in": self.location, "name": self.name}
        return document if self.url is None else {**document, "url": self.url}


class ProviderToken(NamedTuple):
    """Hold one token of a provider's checked response, without its merchant and subject."""

    token_id: str
    access_token: str
    token_type: str
    scope: tuple[str, ...]
    issued_at: int
    expires_at: int | None
    use: Use
    title: str | None = None
    account_id: str = ""
    provider_data: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("access_token",))


class Token(NamedTuple):  # noqa: PLW1641  # `provider_data` has no hash
    """Hold an issued token as the store keeps it and a response shows it.

    `access_token` is None once the value must not be returned any more. `digest` is the value's fingerprint and is
    stored as `fingerprint`. `requested_scope` is what the caller asked for, or None if the provider chose.

    `account_id` is the provider account of the token (Shopify: the shop's domain), stored as `realm`. It shows that the
    secret was changed to another shop, before that shop gets a request.
    """

    provider: str
    merchant: str
    subject: str
    token_id: str
    access_token: str | None
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
    provider_data: Mapping[str, Any] = {}
    #: Not compared, since the copy of a current token has no history.
    history: tuple[Transition, ...] = ()

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("access_token",))

    def __eq__(self, other: object) -> bool:
        """Compare all but the history, which is the last member."""
        return isinstance(other, Token) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        """Compare all but the history, which a tuple would compare too."""
        return not self == other

    def as_json(self) -> dict[str, Any]:
        """Return the token in the shape that all responses share."""
        document: dict[str, Any] = {
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
            document["title"] = self.title
        return document

    def left(self, now: float) -> float:
        """Return the seconds until the token expires, or infinity if it has no expiry."""
        return float("inf") if self.expires_at is None else self.expires_at - now


def token_from(
    provider_token: ProviderToken, *, provider: str, merchant: str, subject: str, state: State, **more: Any
) -> Token:
    """Build a `Token` from a provider's response. `more` has further fields of the token."""
    members = {**provider_token._asdict(), **more}
    digest = fingerprint(provider_token.access_token)
    return Token(provider=provider, merchant=merchant, subject=subject, state=state, digest=digest, **members)
