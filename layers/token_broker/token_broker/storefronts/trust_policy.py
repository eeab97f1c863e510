"""Parse a merchant's trust policy, which says who may get the merchant's tokens in a browser or an app.

`docs/trust-policy.schema.json` describes the checks of `parse` for people and editors. A policy allows only what it
names. Nothing is rewritten or repaired. An ambiguous document is rejected, and the message says what to write instead.
No message quotes a value or a name of the document, since a secret may be in the wrong place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from token_broker.domain.fields import Rule, scope_names, text
from token_broker.errors import InvalidRequest
from token_broker.storefronts import addresses

#: An authorizer's response names all origins and scopes. API Gateway allows about 8 KB for it.
_MAX_ORIGINS = 15
_MAX_SCOPES = 20
_MAX_PROOFS = 5
_MAX_CLAIMS = 10
#: Larger integers are not exact in every JSON reader. The table rejects numbers nearer to zero than 1e-130.
_LARGEST_NUMBER = 2**53
_SMALLEST_NUMBER = 1e-100

_party = text(255)
_claim_name = text(128)

type ClaimValue = str | int | float | bool
type Proof = Hs256Proof | OidcProof


@dataclass(frozen=True, slots=True)
class Hs256Proof:
    """Accept a JWT that the merchant's backend signs with a key from the merchant's proof secret.

    `claims` are required. A claim must have the required type and value, so `true` is never 1. It can also be a list
    that contains the value.
    """

    issuer: str
    audience: str
    session_claim: str
    claims: Mapping[str, ClaimValue]


@dataclass(frozen=True, slots=True)
class OidcProof:
    """Accept a JWT of an OIDC issuer, whose public keys are at `jwks_uri`."""

    issuer: str
    audience: str
    session_claim: str
    claims: Mapping[str, ClaimValue]
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Hold the proofs of checkout sessions, each of another issuer, and the ChicksX scopes to choose from."""

    proofs: tuple[Proof, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """Hold a merchant's policy. `sessions` is None if storefronts get no session tokens."""

    origins: tuple[str, ...]
    anonymous: frozenset[str]
    sessions: Sessions | None


def parse(document: Any, *, page_operations: Sequence[str], loopback_jwks_origin: str = "") -> TrustPolicy:
    """Return the policy in a JSON document, which consists of plain dicts and lists.

    `page_operations` are the operations that `anonymous` may name. `loopback_jwks_origin` is the one loopback origin
    that a `jwksUri` may have, or empty. Raises `InvalidRequest`. Its detail names the member by its path and says what
    the member must be.
    """
    members = _members("", document, required=("version", "origins"), optional=("anonymous", "sessions"))
    _checked("version", members["version"], _version)
    origins = _each_once("origins", members["origins"], addresses.origin, 0, _MAX_ORIGINS)
    anonymous = _each_once("anonymous", members.get("anonymous", []), _one_of(page_operations), 0, len(page_operations))
    if anonymous and not origins:
        raise InvalidRequest("'origins' must have at least one origin, since 'anonymous' admits browsers by it.")
    sessions = _sessions(members["sessions"], loopback_jwks_origin) if "sessions" in members else None
    return TrustPolicy(tuple(origins), frozenset(anonymous), sessions)


def _sessions(value: Any, loopback_jwks_origin: str) -> Sessions:
    members = _members("sessions", value, required=("proofs", "scopes"))
    proofs = tuple(
        _proof(path, each, loopback_jwks_origin)
        for path, each in _items("sessions.proofs", members["proofs"], 1, _MAX_PROOFS)
    )
    if len({each.issuer for each in proofs}) != len(proofs):
        raise InvalidRequest("'sessions.proofs' must have different issuers. Two of them have the same 'issuer'.")
    scopes = _each_once("sessions.scopes", members["scopes"], _scope, 1, _MAX_SCOPES)
    return Sessions(proofs, tuple(scopes))


def _proof(path: str, value: Any, loopback_jwks_origin: str) -> Proof:
    own_members = {"hs256": (), "oidc": ("jwksUri",)}
    if not isinstance(value, dict) or not isinstance(kind := value.get("type"), str) or kind not in own_members:
        raise InvalidRequest(f"'{path}' must be an object whose 'type' is 'hs256' or 'oidc'.")
    required = ("type", "issuer", "audience", *own_members[kind])
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


def _one_of(operations: Sequence[str]) -> Rule:
    def rule(value: Any) -> str:
        if value not in operations:
            raise ValueError(" or ".join(map(repr, operations)))
        return str(value)

    return rule


def _scope(value: Any) -> str:
    try:
        scopes = scope_names([value])
    except ValueError:
        scopes = None
    if scopes is None:
        raise ValueError("a scope's name: 1 to 100 visible ASCII characters")
    return scopes[0]


def _claims(value: Any) -> Mapping[str, ClaimValue]:
    if not isinstance(value, dict) or len(value) > _MAX_CLAIMS:
        raise ValueError(f"an object of at most {_MAX_CLAIMS} claims")
    for name, required in value.items():
        try:
            _claim_name(name)
        except ValueError as expected:
            raise ValueError(f"an object in which each claim's name is {expected}") from None
        if not _is_claim_value(required):
            raise ValueError(
                "an object in which each claim's value is true, false, a string of 1 to 255 characters that is not "
                "blank and has no control characters, or a number: 0, or from 1e-100 to 2^53 in size"
            )
    return dict(value)


def _is_claim_value(value: Any) -> bool:
    if isinstance(value, int | float):  # in Python true and false are integers, too
        return value == 0 or _SMALLEST_NUMBER <= abs(value) <= _LARGEST_NUMBER
    try:
        _party(value)
    except ValueError:
        return False
    return True


def _checked(path: str, value: Any, rule: Rule) -> Any:
    try:
        return rule(value)
    except ValueError as expected:
        raise InvalidRequest(f"'{path}' must be {expected}.") from None


def _members(path: str, value: Any, *, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """Return an object's members. Raises `InvalidRequest` if a member is unknown or missing."""
    where = f"'{path}'" if path else "The trust policy"
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where} must be an object.")
    known = (*required, *optional)
    if unknown := len(value.keys() - set(known)):
        raise InvalidRequest(f"{where} must have no members other than {', '.join(known)}. It has {unknown}.")
    for name in required:
        if name not in value:
            raise InvalidRequest(f"'{f'{path}.{name}' if path else name}' must be given.")
    return value


def _items(path: str, value: Any, least: int, most: int) -> Iterator[tuple[str, Any]]:
    """Return a list's items, each with its path. Raises `InvalidRequest`."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise InvalidRequest(f"'{path}' must be a list of {least} to {most} items.")
    return ((f"{path}[{index}]", each) for index, each in enumerate(value))


def _each_once(path: str, value: Any, rule: Rule, least: int, most: int) -> list[str]:
    """Return a list of texts. Raises `InvalidRequest` if a text is repeated."""
    seen: list[str] = []
    for where, each in _items(path, value, least, most):
        if _checked(where, each, rule) in seen:
            raise InvalidRequest(f"'{where}' must differ from the items before it.")
        seen.append(each)
    return seen
