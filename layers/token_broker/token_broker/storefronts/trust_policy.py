"""Parse a merchant's trust policy, which says who may get the merchant's tokens without AWS credentials.

`docs/reference/trust-policy.schema.json` describes the checks of `parse` for people and editors. A policy allows only
what it names. Nothing is rewritten or repaired. An ambiguous document is rejected, and the message says what to write.
No message quotes a value or a name of the document, since a secret may be in the wrong place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from token_broker.domain.fields import Rule, text, visible
from token_broker.errors import InvalidRequest
from token_broker.storefronts import addresses, owners

#: An authorizer's response names all origins and scopes, so their number is limited.
_MAX_ORIGINS = 15
_MAX_SCOPES = 20
_MAX_PROOFS = 5
_MAX_CLAIMS = 10
#: Larger integers are not exact in every JSON reader. The table rejects numbers nearer to zero than 1e-130.
_LARGEST_NUMBER = 2**53
_SMALLEST_NUMBER = 1e-100

_party = text(255)
_claim_name = text(128)
_scope_name = visible(100)

type ClaimValue = str | int | float | bool


class ProofRule(NamedTuple):
    """Accept a JWT of one issuer. `jwks_uri` is the address of an OIDC issuer's public keys.

    It is None for the merchant's backend, which signs with a key from the merchant's proof secret. `claims` are
    required. A claim must have the required type and value, so `true` is never 1. It can also be a list that contains
    the value. `session_claim` has no meaning for a client's proof.
    """

    issuer: str
    audience: str
    session_claim: str
    claims: Mapping[str, ClaimValue]
    jwks_uri: str | None = None


class Sessions(NamedTuple):
    """Hold the proofs of checkout sessions, each of another issuer, and the ChicksX scopes to choose from."""

    proofs: tuple[ProofRule, ...]
    scopes: tuple[str, ...]


class TrustPolicy(NamedTuple):
    """Hold a merchant's policy. `sessions` is None if storefronts get no session tokens.

    `shop` are the proofs of servers and native apps, which get the shop's tokens. `previews` are the preview origins,
    which are stored beside the document, each with its end in Unix seconds.
    """

    origins: tuple[str, ...]
    anonymous: frozenset[str]
    sessions: Sessions | None
    shop: tuple[ProofRule, ...] = ()
    previews: Mapping[str, int] = MappingProxyType({})

    def admits(self, origin: str, now: float) -> bool:
        """Return whether pages of this origin are admitted at the time `now`."""
        return origin in self.origins or now < self.previews.get(origin, 0)


def parse(document: Any, *, page_operations: Sequence[str], loopback_jwks_origin: str = "") -> TrustPolicy:
    """Return the policy in a JSON document, which consists of plain dicts and lists.

    `page_operations` are the operations that `anonymous` may name. `loopback_jwks_origin` is the one loopback origin
    that a `jwksUri` may have, or empty. Raises `InvalidRequest`. Its detail names the member by its path and says what
    the member must be.
    """
    members = _members("", document, required=("version", "origins"), optional=("anonymous", "sessions", "shop"))
    _checked("version", members["version"], _version)
    origins = _each_once("origins", members["origins"], addresses.origin, 0, _MAX_ORIGINS)
    operation = partial(_one_of, page_operations)
    anonymous = _each_once("anonymous", members.get("anonymous", []), operation, 0, len(page_operations))
    if anonymous and not origins:
        raise InvalidRequest("'origins' must have at least one origin, since 'anonymous' admits browsers by it.")
    sessions = _sessions(members["sessions"], loopback_jwks_origin) if "sessions" in members else None
    shop = _shop(members["shop"], loopback_jwks_origin) if "shop" in members else ()
    return TrustPolicy(tuple(origins), frozenset(anonymous), sessions, shop)


def _sessions(value: Any, loopback_jwks_origin: str) -> Sessions:
    members = _members("sessions", value, required=("proofs", "scopes"))
    proofs = _proofs("sessions.proofs", members["proofs"], partial(_proof, loopback_jwks_origin=loopback_jwks_origin))
    scopes = _each_once("sessions.scopes", members["scopes"], _scope, 1, _MAX_SCOPES)
    return Sessions(proofs, tuple(scopes))


def _shop(value: Any, loopback_jwks_origin: str) -> tuple[ProofRule, ...]:
    members = _members("shop", value, required=("proofs",))
    return _proofs("shop.proofs", members["proofs"], partial(_shop_proof, loopback_jwks_origin=loopback_jwks_origin))


def _shop_proof(path: str, value: Any, loopback_jwks_origin: str) -> ProofRule:
    """Return the rule for a client's proof, which has no session. An issuer that serves others must name the owner."""
    if isinstance(value, dict) and "sessionClaim" in value:
        raise InvalidRequest(f"'{path}' must have no 'sessionClaim', since a proof for the shop is for no session.")
    rule = _proof(path, value, loopback_jwks_origin)
    if rule.jwks_uri is not None and (lacking := owners.lacking(rule.issuer, rule.claims)):
        raise InvalidRequest(
            f"'{path}.claims' must have at least one claim that names the token's owner, since the issuer signs tokens "
            f"of others, too: {lacking}."
        )
    return rule


def _proofs(path: str, value: Any, proof: Callable[[str, Any], ProofRule]) -> tuple[ProofRule, ...]:
    proofs = tuple(proof(where, each) for where, each in _items(path, value, 1, _MAX_PROOFS))
    if len({each.issuer for each in proofs}) != len(proofs):
        raise InvalidRequest(f"'{path}' must have different issuers. Two of them have the same 'issuer'.")
    return proofs


def _proof(path: str, value: Any, loopback_jwks_origin: str) -> ProofRule:
    rules: dict[str, Rule] = {"issuer": _party, "audience": _party, "sessionClaim": _claim_name, "claims": _claims}
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "oidc":
        rules["jwksUri"] = partial(addresses.jwks_uri, loopback_origin=loopback_jwks_origin)
    elif kind != "hs256":
        raise InvalidRequest(f"'{path}' must be an object whose 'type' is 'hs256' or 'oidc'.")
    defaults = {"sessionClaim": "sid", "claims": {}}
    required = ("type", *(name for name in rules if name not in defaults))
    members = defaults | _members(path, value, required=required, optional=tuple(defaults))
    return ProofRule(*(_checked(f"{path}.{name}", members[name], rule) for name, rule in rules.items()))


def _version(value: Any) -> None:
    if isinstance(value, bool) or value != 1:
        raise ValueError("1")


def _one_of(operations: Sequence[str], value: Any) -> str:
    if value not in operations:
        raise ValueError(" or ".join(map(repr, operations)))
    return str(value)


def _scope(value: Any) -> str:
    try:
        return str(_scope_name(value))
    except ValueError as expected:
        raise ValueError(f"a scope's name: {expected}") from None


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
