"""Declare the fields that each function accepts, once for all entry points.

The API takes each field from its location. A direct invocation takes all fields from one JSON object by their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, dataclass_transform

from token_broker.domain import fields as rule
from token_broker.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.domain.fields import Precondition, Rule
    from token_broker.domain.rotation import RotationSettings

#: The default of a field that must be given.
_REQUIRED: Any = object()


class Source(NamedTuple):
    """Describe where a field comes from.

    `location` is path, query, header or body. `header` is the header's name in lower case. `encoded` means that the
    path holds any text, percent-encoded.
    """

    name: str
    location: str
    rule: Rule
    default: Any
    header: str = ""
    encoded: bool = False


def path(name: str, rule: Rule, *, encoded: bool = False) -> Any:
    """Declare a field of the path."""
    return Source(name, "path", rule, _REQUIRED, encoded=encoded)


def query(name: str, rule: Rule, *, default: Any = _REQUIRED) -> Any:
    """Declare a field of the query."""
    return Source(name, "query", rule, default)


def header(name: str, header: str, rule: Rule, *, default: Any) -> Any:
    """Declare a field that comes from a header."""
    return Source(name, "header", rule, default, header)


def body(name: str, rule: Rule, *, default: Any = _REQUIRED) -> Any:
    """Declare a field of the body."""
    return Source(name, "body", rule, default)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(path, query, header, body))
class Input:
    """Hold the checked fields of a request. The base class has none, and is the input of a function without fields.

    Each field of a subclass is declared by its source. This takes a tenth of a data class's time at import. The
    `repr` shows no fields.
    """

    _sources: ClassVar[Mapping[str, Source]] = {}
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the sources of the class's fields, and the defaults."""
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Source)}
        cls._sources = {**cls._sources, **own}
        cls._defaults = {
            name: source.default for name, source in cls._sources.items() if source.default is not _REQUIRED
        }

    def __init__(self, **values: Any) -> None:
        vars(self).update(self._defaults)
        vars(self).update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        """Raise an error, since an input never changes."""
        raise AttributeError(f"{name} cannot be set.")

    def __eq__(self, other: object) -> bool:
        """Compare the classes and all fields."""
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # nothing needs it, and a field of a trust policy may be a dict


class MerchantInput(Input):
    """Name the merchant of a request. It is the whole input of a function that shows or lists something."""

    merchant: str = path("merchant", rule.merchant_name)


class ConditionalInput(MerchantInput):
    """Replace something of the merchant, if it is in the state that the caller expects."""

    if_match: Precondition = header("ifMatch", "if-match", rule.entity_tags, default=rule.Precondition())
    if_none_match: bool = header("ifNoneMatch", "if-none-match", rule.asterisk, default=False)

    @property
    def precondition(self) -> Precondition:
        """Return the precondition in `If-Match` and `If-None-Match`."""
        return self.if_match._replace(absent=self.if_none_match)


class GetShopToken(MerchantInput):
    """Ask for the shop's current token. `fresh` skips the caches."""

    fresh: bool = header("cacheControl", "cache-control", rule.cache_control, default=False)


class GetSessionToken(MerchantInput):
    """Ask for the token of one checkout session. Without `scope` the provider chooses the scopes."""

    session_id: str = body("sessionId", rule.text(256))
    scope: tuple[str, ...] | None = body("scope", rule.scope_names, default=None)


class CloseSession(MerchantInput):
    """Close a checkout session whose order was placed."""

    session_id: str = path("sessionId", rule.text(256), encoded=True)
    order_id: str | None = body("orderId", rule.order_id, default=None)


class CreateToken(MerchantInput):
    """Create a standing token. A repeated `Idempotency-Key` returns the token of the first request."""

    title: str = body("title", rule.text(150))
    idempotency_key: str | None = header("idempotencyKey", "idempotency-key", rule.visible(255), default=None)


class RevokeToken(MerchantInput):
    """Revoke one token. `foreign` allows a token that this stack did not create."""

    token_id: str = path("tokenId", rule.token_id)
    foreign: bool = query("foreign", rule.flag, default=False)


class Rotate(MerchantInput):
    """Make another token current. `compromised` revokes the replaced tokens without an overlap."""

    compromised: bool = body("compromised", rule.truth, default=False)


class MigrateToken(MerchantInput):
    """Exchange the merchant's permanent token for an expiring pair. `confirm` is the shop's domain."""

    confirm: str = body("confirm", rule.text(255))


class Reconcile(MerchantInput):
    """Compare the records with the provider's list. Without `apply` nothing is changed."""

    apply: bool = body("apply", rule.truth, default=False)


class GetTokenRecord(MerchantInput):
    """Ask for one token's record."""

    token_id: str = path("tokenId", rule.token_id)


class PutRotationSettings(ConditionalInput):
    """Replace the merchant's rotation settings. An omitted field gets its default."""

    max_age_days: int | None = body("maxAgeDays", rule.days_or_never(3650), default=None)
    overlap_days: int = body("overlapDays", rule.days(365), default=7)
    paused: bool = body("paused", rule.truth, default=False)

    @property
    def settings(self) -> RotationSettings:
        """Return the settings in the request."""
        from token_broker.domain.delays import DAY
        from token_broker.domain.rotation import RotationSettings

        max_age = None if self.max_age_days is None else self.max_age_days * DAY
        return RotationSettings(max_age=max_age, overlap=self.overlap_days * DAY, paused=self.paused)


class Maintain(MerchantInput):
    """Do a merchant's pending work at one provider. `items` are the keys of items that the dispatcher has found.

    A message of an earlier version names no `provider`.
    """

    provider: str | None = body("provider", rule.text(63), default=None)
    items: tuple[str, ...] = body("items", rule.item_keys)


class PublishEvents(Input):
    """Deliver events. `events` are names of items in the outbox."""

    events: tuple[str, ...] = body("events", rule.event_names)


class PutTrustPolicy(ConditionalInput):
    """Replace the merchant's trust policy. `storefronts.trust_policy` checks the values of its members."""

    version: Any = body("version", rule.anything)
    origins: Any = body("origins", rule.anything)
    anonymous: Any = body("anonymous", rule.anything, default=None)
    sessions: Any = body("sessions", rule.anything, default=None)
    shop: Any = body("shop", rule.anything, default=None)

    @property
    def document(self) -> dict[str, Any]:
        """Return the policy in the request."""
        optional = {"anonymous": self.anonymous, "sessions": self.sessions, "shop": self.shop}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"version": self.version, "origins": self.origins, **given}


class DeleteTrustPolicy(MerchantInput):
    """Delete the merchant's trust policy."""

    precondition: Precondition = header("ifMatch", "if-match", rule.entity_tags, default=rule.Precondition())


class AllowPreviewOrigin(MerchantInput):
    """Allow one more origin for 1 hour to 14 days. `storefronts.preview_origins` checks the origin."""

    origin: Any = body("origin", rule.anything)
    expires_in: int = body("expiresIn", rule.preview_seconds)


class RemovePreviewOrigin(MerchantInput):
    """Remove a preview origin."""

    origin: Any = query("origin", rule.anything)


def sources(kind: type[Input]) -> Mapping[str, Source]:
    """Return the sources of an input's fields, by their names in Python."""
    return kind._sources  # noqa: SLF001  # it is this module's own


def names(kind: type[Input]) -> list[str]:
    """Return the names of an input's fields in JSON."""
    return [source.name for source in sources(kind).values()]


def read[T: Input](kind: type[T], given: Mapping[str, Any]) -> T:
    """Return the checked input. `given` has the values by their JSON names. Raises `InvalidRequest`."""
    if unknown := len(given.keys() - names(kind)):
        raise InvalidRequest(f"{unknown} field(s) are not known here. The fields are: {', '.join(names(kind))}.")
    values: dict[str, Any] = {}
    missing = []
    for attribute, source in sources(kind).items():
        if source.name not in given:
            if source.default is _REQUIRED:
                missing.append(repr(source.name))
            continue
        try:
            values[attribute] = source.rule(given[source.name])
        except ValueError as expected:
            raise InvalidRequest(f"'{source.name}' must be {expected}.") from None
    if missing:
        raise InvalidRequest(f"{' and '.join(missing)} must be given.")
    return kind(**values)
