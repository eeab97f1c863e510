"""Declare the fields that each function accepts, once for all entry points.

The API takes each field from its location. A direct invocation takes all fields from one JSON object by their names.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from token_broker.domain.fields import (
    Rule,
    Tags,
    anything,
    asterisk,
    cache_control,
    days,
    days_or_never,
    entity_tags,
    event_names,
    flag,
    item_keys,
    merchant_name,
    order_id,
    scope_names,
    text,
    token_id,
    truth,
    visible,
)
from token_broker.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.domain.revision import Precondition
    from token_broker.domain.rotation import RotationSettings


@dataclass(frozen=True, slots=True)
class Source:
    """Describe where a field comes from.

    `location` is path, query, header or body. `header` is the header's name in lower case. `encoded` means that the
    path holds any text, percent-encoded.
    """

    name: str
    location: str
    rule: Rule
    header: str = ""
    encoded: bool = False


def _from(
    location: str, name: str, rule: Rule, *, header: str = "", encoded: bool = False, default: Any = MISSING
) -> Any:
    metadata = {"source": Source(name, location, rule, header, encoded)}
    return field(metadata=metadata) if default is MISSING else field(metadata=metadata, default=default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Hold the checked fields of a request. The base class has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantInput(Input):
    """Name the merchant of a request."""

    merchant: str = _from("path", "merchant", merchant_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetShopToken(MerchantInput):
    """Ask for the shop's current token. `fresh` skips the caches."""

    fresh: bool = _from("header", "cacheControl", cache_control, header="cache-control", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionToken(MerchantInput):
    """Ask for the token of one checkout session. Without `scope` the provider chooses the scopes."""

    session_id: str = _from("body", "sessionId", text(256))
    scope: tuple[str, ...] | None = _from("body", "scope", scope_names, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession(MerchantInput):
    """Close a checkout session whose order was placed."""

    session_id: str = _from("path", "sessionId", text(256), encoded=True)
    order_id: str | None = _from("body", "orderId", order_id, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateToken(MerchantInput):
    """Create a standing token. A repeated `Idempotency-Key` returns the token of the first request."""

    title: str = _from("body", "title", text(150))
    idempotency_key: str | None = _from(
        "header", "idempotencyKey", visible(255), header="idempotency-key", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokens(MerchantInput):
    """List all tokens at the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken(MerchantInput):
    """Revoke one token. `foreign` allows a token that this stack did not create."""

    token_id: str = _from("path", "tokenId", token_id)
    foreign: bool = _from("query", "foreign", flag, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(MerchantInput):
    """Make another token current. `compromised` revokes the replaced tokens without an overlap."""

    compromised: bool = _from("body", "compromised", truth, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile(MerchantInput):
    """Compare the records with the provider's list. Without `apply` nothing is changed."""

    apply: bool = _from("body", "apply", truth, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTokenRecord(MerchantInput):
    """Ask for one token's record."""

    token_id: str = _from("path", "tokenId", token_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRotationSettings(MerchantInput):
    """Ask for the merchant's rotation settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRotationSettings(MerchantInput):
    """Replace the merchant's rotation settings. An omitted field gets its default."""

    max_age_days: int | None = _from("body", "maxAgeDays", days_or_never(3650), default=None)
    overlap_days: int = _from("body", "overlapDays", days(365), default=7)
    paused: bool = _from("body", "paused", truth, default=False)
    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)
    if_none_match: bool = _from("header", "ifNoneMatch", asterisk, header="if-none-match", default=False)

    @property
    def settings(self) -> RotationSettings:
        """Return the settings in the request."""
        from token_broker.domain.delays import DAY
        from token_broker.domain.rotation import RotationSettings

        max_age = None if self.max_age_days is None else self.max_age_days * DAY
        return RotationSettings(max_age=max_age, overlap=self.overlap_days * DAY, paused=self.paused)

    @property
    def precondition(self) -> Precondition:
        """Return the precondition in `If-Match` and `If-None-Match`."""
        return precondition(self.if_match, absent=self.if_none_match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintain(MerchantInput):
    """Do a merchant's pending work. `items` are the keys of items that the dispatcher has found."""

    items: tuple[str, ...] = _from("body", "items", item_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(Input):
    """Start a run of the dispatcher. It takes no fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishEvents(Input):
    """Deliver events. `events` are names of items in the outbox."""

    events: tuple[str, ...] = _from("body", "events", event_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTrustPolicy(MerchantInput):
    """Ask for the merchant's trust policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutTrustPolicy(MerchantInput):
    """Replace the merchant's trust policy. `storefronts.trust_policy` checks the values of its members."""

    version: Any = _from("body", "version", anything)
    origins: Any = _from("body", "origins", anything)
    anonymous: Any = _from("body", "anonymous", anything, default=None)
    sessions: Any = _from("body", "sessions", anything, default=None)
    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)
    if_none_match: bool = _from("header", "ifNoneMatch", asterisk, header="if-none-match", default=False)

    @property
    def document(self) -> dict[str, Any]:
        """Return the policy in the request."""
        optional = {"anonymous": self.anonymous, "sessions": self.sessions}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"version": self.version, "origins": self.origins, **given}

    @property
    def precondition(self) -> Precondition:
        """Return the precondition in `If-Match` and `If-None-Match`."""
        return precondition(self.if_match, absent=self.if_none_match)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTrustPolicy(MerchantInput):
    """Delete the merchant's trust policy."""

    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)

    @property
    def precondition(self) -> Precondition:
        """Return the precondition in `If-Match`."""
        return precondition(self.if_match)


def precondition(if_match: Tags | None, *, absent: bool = False) -> Precondition:
    """Return `If-Match` and `If-None-Match: *` as a condition on revisions."""
    from token_broker.domain.revision import Precondition

    if if_match is None:
        return Precondition(absent=absent)
    return Precondition(revisions=if_match.revisions, exists=True, absent=absent)


def sources(kind: type[Input]) -> Mapping[str, Source]:
    """Return the sources of an input's fields, by their names in Python."""
    return {each.name: each.metadata["source"] for each in fields(kind)}


def read[T: Input](kind: type[T], given: Mapping[str, Any]) -> T:
    """Return the checked input. `given` has the values by their JSON names. Raises `InvalidRequest`."""
    known = {source.name: (attribute, source) for attribute, source in sources(kind).items()}
    if unknown := len(given.keys() - known.keys()):
        raise InvalidRequest(f"{unknown} field(s) are not known here. The fields are: {', '.join(known)}.")
    values: dict[str, Any] = {}
    for name, (attribute, source) in known.items():
        if name not in given:
            continue
        try:
            values[attribute] = source.rule(given[name])
        except ValueError as expected:
            raise InvalidRequest(f"'{name}' must be {expected}.") from None
    missing = [
        each.metadata["source"].name for each in fields(kind) if each.default is MISSING and each.name not in values
    ]
    if missing:
        raise InvalidRequest(f"{' and '.join(repr(name) for name in missing)} must be given.")
    return kind(**values)
