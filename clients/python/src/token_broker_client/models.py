"""Define the broker's answers. Times are Unix seconds.

Each class keeps members that it does not know in `extra`, so a newer broker's answer is still complete. No `repr` shows
a token's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from token_broker_client.members import Model, named


@dataclass(frozen=True, kw_only=True)
class Use(Model):
    """Say how a frontend sends a token. `location` is the member `in`: header, query or sdk."""

    location: str = field(metadata=named("in"))
    name: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Described(Model):
    """Hold what tokens have beside their values. `expires_at` is None if the provider gives no expiry."""

    provider: str
    merchant: str
    token_id: str
    token_type: str
    scope: tuple[str, ...]
    issued_at: int
    expires_at: int | None
    subject: str
    use: Use
    provider_data: Mapping[str, Any] = field(repr=False)
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class Token(_Described):
    """Hold a public token that can be used. `access_token` is its value."""

    access_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ListedToken(_Described):
    """Hold a row of the list of tokens. `access_token` is None if the value must not be shown.

    `origin` is broker or foreign. `fingerprint` stands for a value that is not shown.
    """

    access_token: str | None = field(repr=False)
    origin: str
    state: str
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transition(Model):
    """Hold one line of a token's history. `before` and `after` are the members `from` and `to`."""

    at: int
    by: str
    before: str | None = field(metadata=named("from"))
    after: str = field(metadata=named("to"))
    why: str


@dataclass(frozen=True, kw_only=True)
class TokenRecord(ListedToken):
    """Hold one token's record, with its history from the oldest line on."""

    history: tuple[Transition, ...]


@dataclass(frozen=True, kw_only=True)
class TokenList(Model):
    """Hold all tokens of the app at the shop. `limit` is how many the provider allows, and `used` counts them."""

    tokens: tuple[ListedToken, ...]
    used: int
    limit: int | None

    @property
    def headroom(self) -> int | None:
        """Return how many more tokens can be created, or None if the provider has no limit."""
        return None if self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True, kw_only=True)
class Revocation(Model):
    """Say whether the provider has ended the token. `state` is confirmed, or pending while the broker goes on."""

    state: str = field(metadata=named("revocation"))

    @property
    def confirmed(self) -> bool:
        """Return whether the provider has confirmed it."""
        return self.state == "confirmed"


@dataclass(frozen=True, kw_only=True)
class Rotation(Model):
    """Hold a rotation. `state` is done, or pending while the broker carries it out.

    `previous_token_id`, `token_id`, `overlap_ends_at` and `failure` are None where the broker states none.
    """

    rotation_id: str
    state: str
    compromised: bool
    requested_at: int
    previous_token_id: str | None = None
    token_id: str | None = None
    overlap_ends_at: int | None = None
    failure: str | None = None

    @property
    def done(self) -> bool:
        """Return whether another token is current."""
        return self.state == "done"


@dataclass(frozen=True, kw_only=True)
class UnsupportedRotation(Model):
    """Say that the provider's tokens cannot be rotated. `changed` says whether the provider has replaced its token."""

    rotation: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class RotationSettings(Model):
    """Hold a merchant's rotation settings. `max_age_days` is None if only a request rotates the token.

    `revision` is None for the defaults. It is not sent.
    """

    max_age_days: int | None = None
    overlap_days: int = 7
    paused: bool = False
    revision: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reconciliation(Model):
    """Hold the comparison of the records with the provider's list.

    `tokens` has the ids of each finding, and `counts` their number. `done` has the changes of this request.
    """

    applied: bool
    used: int
    limit: int | None
    headroom: int | None
    counts: Mapping[str, int]
    tokens: Mapping[str, Any]
    done: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Migration(Model):
    """Hold the migration of a permanent token. `state` is done, or pending while the broker goes on."""

    merchant: str
    shop: str
    state: str
    reversible: bool
    access_token_expires_at: int | None = None
    refresh_token_expires_at: int | None = None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClosedSession(Model):
    """Hold a closed checkout session. `order_id` is the order that closed it first, or None if it named none."""

    session_id: str
    closed: bool
    closed_at: int
    order_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrustPolicy:
    """Hold a merchant's trust policy as the broker stores it, and its revision."""

    document: Mapping[str, Any]
    revision: int | None


@dataclass(frozen=True, kw_only=True)
class PreviewOrigin(Model):
    """Hold one more origin that the merchant's pages may have, until it ends."""

    origin: str
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class PreviewOrigins(Model):
    """Hold the preview origins that have not ended, the first to end first."""

    preview_origins: tuple[PreviewOrigin, ...]
