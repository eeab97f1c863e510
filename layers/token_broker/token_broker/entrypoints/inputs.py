"""What the functions accept. One declaration serves every door: the API takes each field from its place, a direct
invocation takes all of them from one JSON object by the same names.
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
from token_broker.domain.precondition import Precondition
from token_broker.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.domain.rotation import RotationSettings


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field comes from: `place` is path, query, header or body; `header` is the header's name in lower case.

    `encoded`: in a path it is any text, percent-encoded.
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
    """What a request may name: nothing, unless a field says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantInput(Input):
    """What every request but the clock's names: its merchant."""

    merchant: str = _from("path", "merchant", merchant_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetShopToken(MerchantInput):
    """The shop's current token; `fresh` passes the caches by."""

    fresh: bool = _from("header", "cacheControl", cache_control, header="cache-control", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionToken(MerchantInput):
    """The token of one checkout session; without `scope` the provider chooses."""

    session_id: str = _from("body", "sessionId", text(256))
    scope: tuple[str, ...] | None = _from("body", "scope", scope_names, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession(MerchantInput):
    """A checkout session whose order is placed."""

    session_id: str = _from("path", "sessionId", text(256), encoded=True)
    order_id: str | None = _from("body", "orderId", order_id, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateToken(MerchantInput):
    """A standing token; the same Idempotency-Key gives the same token."""

    title: str = _from("body", "title", text(150))
    idempotency_key: str | None = _from(
        "header", "idempotencyKey", visible(255), header="idempotency-key", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokens(MerchantInput):
    """All tokens at the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken(MerchantInput):
    """One token to end; `foreign` allows one that this stack did not make."""

    token_id: str = _from("path", "tokenId", token_id)
    foreign: bool = _from("query", "foreign", flag, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate(MerchantInput):
    """Another token is to be current; `compromised` ends the ones before it without an overlap."""

    compromised: bool = _from("body", "compromised", truth, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile(MerchantInput):
    """Our records are to be compared with the provider's list; without `apply` nothing is changed."""

    apply: bool = _from("body", "apply", truth, default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTokenRecord(MerchantInput):
    """One token's record."""

    token_id: str = _from("path", "tokenId", token_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRotationSettings(MerchantInput):
    """How the merchant's tokens are rotated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutRotationSettings(MerchantInput):
    """How they are to be rotated; what is left out has its default again."""

    max_age_days: int | None = _from("body", "maxAgeDays", days_or_never(3650), default=None)
    overlap_days: int = _from("body", "overlapDays", days(365), default=7)
    paused: bool = _from("body", "paused", truth, default=False)
    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)
    if_none_match: bool = _from("header", "ifNoneMatch", asterisk, header="if-none-match", default=False)

    @property
    def settings(self) -> RotationSettings:
        """The settings that were given."""
        from token_broker.domain.delays import DAY
        from token_broker.domain.rotation import RotationSettings

        max_age = None if self.max_age_days is None else self.max_age_days * DAY
        return RotationSettings(max_age=max_age, overlap=self.overlap_days * DAY, paused=self.paused)

    @property
    def precondition(self) -> Precondition:
        """What the headers ask of what stands."""
        return precondition(self.if_match, absent=self.if_none_match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintain(MerchantInput):
    """What is due of a merchant: keys of items, as the clock's run found them."""

    items: tuple[str, ...] = _from("body", "items", item_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(Input):
    """The clock's run, which is told nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishEvents(Input):
    """Events to deliver: names of items in the outbox."""

    events: tuple[str, ...] = _from("body", "events", event_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTrustPolicy(MerchantInput):
    """The merchant's trust policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutTrustPolicy(MerchantInput):
    """A trust policy's members; which values they take is `trust_policy`'s to judge."""

    version: Any = _from("body", "version", anything)
    origins: Any = _from("body", "origins", anything)
    anonymous: Any = _from("body", "anonymous", anything, default=None)
    sessions: Any = _from("body", "sessions", anything, default=None)
    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)
    if_none_match: bool = _from("header", "ifNoneMatch", asterisk, header="if-none-match", default=False)

    @property
    def document(self) -> dict[str, Any]:
        """The policy that was given."""
        optional = {"anonymous": self.anonymous, "sessions": self.sessions}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"version": self.version, "origins": self.origins, **given}

    @property
    def precondition(self) -> Precondition:
        """What the headers ask of what stands."""
        return precondition(self.if_match, absent=self.if_none_match)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTrustPolicy(MerchantInput):
    """The trust policy to end."""

    if_match: Tags | None = _from("header", "ifMatch", entity_tags, header="if-match", default=None)

    @property
    def precondition(self) -> Precondition:
        """What the header asks of what stands."""
        return precondition(self.if_match)


def precondition(if_match: Tags | None, *, absent: bool = False) -> Precondition:
    """`If-Match` and `If-None-Match: *` as a condition on revisions."""
    if if_match is None:
        return Precondition(absent=absent)
    return Precondition(revisions=if_match.revisions, exists=True, absent=absent)


def sources(kind: type[Input]) -> Mapping[str, Source]:
    """The sources of a kind of input, by the field's name in Python."""
    return {each.name: each.metadata["source"] for each in fields(kind)}


def read[T: Input](kind: type[T], given: Mapping[str, Any]) -> T:
    """The input, all of it checked. `given` has the values by their JSON names. Raises `InvalidRequest`."""
    known = {source.name: (attribute, source) for attribute, source in sources(kind).items()}
    if unknown := len(given.keys() - known.keys()):
        raise InvalidRequest(f"{unknown} field(s) are not known here. The fields are: {', '.join(known)}.")
    values: dict[str, Any] = {}
    for name, (attribute, source) in known.items():
        if name not in given:
            continue
        try:
            values[attribute] = source.rule(given[name])
        except ValueError as takes:
            raise InvalidRequest(f"'{name}' must be {takes}.") from None
    missing = [
        each.metadata["source"].name for each in fields(kind) if each.default is MISSING and each.name not in values
    ]
    if missing:
        raise InvalidRequest(f"{' and '.join(repr(name) for name in missing)} must be given.")
    return kind(**values)
