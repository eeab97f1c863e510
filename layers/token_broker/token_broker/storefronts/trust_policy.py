"""A merchant's trust policy: who may ask for the merchant's tokens from a browser or an app.

`docs/trust-policy.schema.json` says for people and editors what `parse` checks. What isn't said is closed. Nothing is
rewritten or repaired: a document that could be read in two ways is refused with what to write instead. No message
quotes a value or a name of the document: a secret may stand in the wrong place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from token_broker.domain.fields import Rule, scope_names, text
from token_broker.errors import InvalidRequest
from token_broker.storefronts import addresses

#: The shop-wide operations that an origin alone can open: their tokens stand in every page of the storefront anyway.
ANONYMOUS_OPERATIONS = ("fourthwall/public-token", "shopify/storefront-access-token")

#: All origins and scopes go through an authorizer's answer, for which API Gateway has some 8 KB.
_ORIGINS = 15
_SCOPES = 20
_PROOFS = 5
_CLAIMS = 10
#: Whole numbers beyond this are not exact in every JSON reader; the table refuses numbers nearer to zero than 1e-130.
_LARGEST_NUMBER = 2**53
_SMALLEST_NUMBER = 1e-100

_party = text(255)
_claim_name = text(128)

type ClaimValue = str | int | float | bool
type Proof = Hs256Proof | OidcProof


@dataclass(frozen=True, slots=True)
class Hs256Proof:
    """A JWT that the merchant's backend signs with a key from the merchant's proof secret.

    `claims` are what the token must say: equal in type and value, so that `true` is never 1, or a member of its list.
    """

    issuer: str
    audience: str
    session_claim: str
    claims: Mapping[str, ClaimValue]


@dataclass(frozen=True, slots=True)
class OidcProof:
    """A JWT of an OIDC issuer, whose public keys are at `jwks_uri`."""

    issuer: str
    audience: str
    session_claim: str
    claims: Mapping[str, ClaimValue]
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """What proves a checkout session, no two proofs of one issuer, and the ChicksX scopes that may be asked for."""

    proofs: tuple[Proof, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """`sessions` is None where no session token may be had this way."""

    origins: tuple[str, ...]
    anonymous: frozenset[str]
    sessions: Sessions | None


def parse(document: Any, *, loopback_jwks_origin: str = "") -> TrustPolicy:
    """The policy that a JSON document says; plain dicts and lists, as JSON or the table gives them.

    `loopback_jwks_origin` is the one loopback origin at which a `jwksUri` may be, or empty. Raises `InvalidRequest`,
    whose detail names the member by its path and says what it must be.
    """
    members = _members("", document, required=("version", "origins"), optional=("anonymous", "sessions"))
    _checked("version", members["version"], _version)
    origins = _each_once("origins", members["origins"], addresses.origin, 0, _ORIGINS)
    anonymous = _each_once("anonymous", members.get("anonymous", []), _operation, 0, len(ANONYMOUS_OPERATIONS))
    if anonymous and not origins:
        raise InvalidRequest("'origins' must hold at least one origin, since 'anonymous' lets browsers in by it.")
    sessions = _sessions(members["sessions"], loopback_jwks_origin) if "sessions" in members else None
    return TrustPolicy(tuple(origins), frozenset(anonymous), sessions)


def _sessions(value: Any, loopback_jwks_origin: str) -> Sessions:
    members = _members("sessions", value, required=("proofs", "scopes"))
    proofs = tuple(
        _proof(path, each, loopback_jwks_origin)
        for path, each in _items("sessions.proofs", members["proofs"], 1, _PROOFS)
    )
    if len({each.issuer for each in proofs}) != len(proofs):
        raise InvalidRequest("'sessions.proofs' must be of different issuers: two have the same 'issuer'.")
    scopes = _each_once("sessions.scopes", members["scopes"], _scope, 1, _SCOPES)
    return Sessions(proofs, tuple(scopes))


def _proof(path: str, value: Any, loopback_jwks_origin: str) -> Proof:
    own = {"hs256": (), "oidc": ("jwksUri",)}
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str) or kind not in own:
        raise InvalidRequest(f"'{path}' must be an object whose 'type' is 'hs256' or 'oidc'.")
    required = ("type", "issuer", "audience", *own[kind])
    members = {"sessionClaim": "sid", "claims": {}} | _members(
        path, value, required=required, optional=("sessionClaim", "claims")
    )

    def member(name: str, rule: Rule) -> Any:
        return _checked(f"{path}.{name}", members[name], rule)

    issuer, audience = member("issuer", _party), member("audience", _party)
    session_claim, claims = member("sessionClaim", _claim_name), member("claims", _claims)
    if kind == "hs256":
        return Hs256Proof(issuer, audience, session_claim, claims)
    jwks_uri = member("jwksUri", lambda uri: addresses.jwks_uri(uri, loopback_jwks_origin))
    return OidcProof(issuer, audience, session_claim, claims, jwks_uri)


def _version(value: Any) -> None:
    if isinstance(value, bool) or value != 1:
        raise ValueError("1")


def _operation(value: Any) -> str:
    if value not in ANONYMOUS_OPERATIONS:
        raise ValueError(" or ".join(map(repr, ANONYMOUS_OPERATIONS)))
    return str(value)


def _scope(value: Any) -> str:
    try:
        scopes = scope_names([value])
    except ValueError:
        scopes = None
    if scopes is None:
        raise ValueError("a scope's name: 1 to 100 visible ASCII characters")
    return scopes[0]


def _claims(value: Any) -> Mapping[str, ClaimValue]:
    if not isinstance(value, dict) or len(value) > _CLAIMS:
        raise ValueError(f"an object of at most {_CLAIMS} claims")
    for name, wanted in value.items():
        try:
            _claim_name(name)
        except ValueError as takes:
            raise ValueError(f"an object in which each claim's name is {takes}") from None
        if not _is_claim_value(wanted):
            raise ValueError(
                "an object in which each claim's value is true, false, a string of 1 to 255 characters that is not "
                "blank and has no control characters, or a number: 0, or from 1e-100 to 2^53 in size"
            )
    return dict(value)


def _is_claim_value(value: Any) -> bool:
    if isinstance(value, int | float):  # true and false, too, which are integers to Python
        return value == 0 or _SMALLEST_NUMBER <= abs(value) <= _LARGEST_NUMBER
    try:
        _party(value)
    except ValueError:
        return False
    return True


def _checked(path: str, value: Any, rule: Rule) -> Any:
    try:
        return rule(value)
    except ValueError as takes:
        raise InvalidRequest(f"'{path}' must be {takes}.") from None


def _members(path: str, value: Any, *, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """An object's members, none unknown, none missing."""
    where = f"'{path}'" if path else "The trust policy"
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must be an object.")
    known = (*required, *optional)
    if unknown := len(value.keys() - set(known)):
        raise InvalidRequest(f"{where} must have no members but {', '.join(known)}: {unknown} other(s) given.")
    for name in required:
        if name not in value:
            raise InvalidRequest(f"'{f'{path}.{name}' if path else name}' must be given.")
    return value


def _items(path: str, value: Any, least: int, most: int) -> Iterator[tuple[str, Any]]:
    """A list's items, each with its path."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise InvalidRequest(f"'{path}' must be a list of {least} to {most} items.")
    return ((f"{path}[{index}]", each) for index, each in enumerate(value))


def _each_once(path: str, value: Any, rule: Rule, least: int, most: int) -> list[str]:
    """A list of texts without a repetition."""
    seen: list[str] = []
    for where, each in _items(path, value, least, most):
        if _checked(where, each, rule) in seen:
            raise InvalidRequest(f"'{where}' must differ from those before it.")
        seen.append(each)
    return seen
