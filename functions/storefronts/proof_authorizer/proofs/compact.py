"""A JWT before its signature is checked: what is needed to find the key for it. Nothing of it is to be believed."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from proofs.outcomes import ProofRejected
from token_broker import strict_json

#: Characters; what a header of an HTTP request has room for.
LIMIT = 8192
KID_LIMIT = 256

#: A signed JWT in its compact form. Encrypted ones have five parts, and the JSON forms have none.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")

#: Members that bring their own key, change what is signed, or must be understood.
_REFUSED = frozenset({"b64", "crit", "jku", "jwk", "x5c", "x5u"})


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a JWT says of itself: enough to choose the merchant's rule and the key."""

    text: str = field(repr=False)
    algorithm: str
    kid: str | None
    issuer: str


def read(text: str) -> Unverified:
    """Take a JWT apart. Raises `ProofRejected`."""
    parts = _COMPACT.fullmatch(text) if len(text) <= LIMIT else None
    if parts is None:
        raise ProofRejected("malformed")
    header, claims = _object(parts[1]), _object(parts[2])
    if not _REFUSED.isdisjoint(header):
        raise ProofRejected("refused_header")
    algorithm, kid, issuer = header.get("alg"), header.get("kid"), claims.get("iss")
    if not isinstance(algorithm, str) or not ("kid" not in header or _is_kid(kid)):
        raise ProofRejected("malformed")
    if not isinstance(issuer, str):
        raise ProofRejected("unknown_issuer")
    return Unverified(text, algorithm, kid, issuer)


def _is_kid(kid: Any) -> bool:
    return isinstance(kid, str) and 0 < len(kid) <= KID_LIMIT


def _object(segment: str) -> dict[str, Any]:
    """One part's JSON. It can mean one thing only, so whoever reads the part again, as PyJWT does, reads the same."""
    try:
        value = strict_json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode())
    except ValueError:
        raise ProofRejected("malformed") from None
    if not isinstance(value, dict):
        raise ProofRejected("malformed")
    return value
