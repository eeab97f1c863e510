"""Read a JWT before its signature is checked, to find the key for it. Its content is not trusted."""

import base64
import re
from typing import Any, NamedTuple

from proofs.outcomes import ProofRejected
from token_broker import strict_json
from token_broker.domain.shown import shown

#: In characters. A header of an HTTP request has no room for more.
MAX_LENGTH = 8192
MAX_KID_LENGTH = 256

#: A signed JWT in its compact form. An encrypted JWT has five parts, and the JSON forms have none.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")

#: Members that bring a key, change the signed content, or must be understood.
_REJECTED = frozenset({"b64", "crit", "jku", "jwk", "x5c", "x5u"})


class Unverified(NamedTuple):
    """Hold the parts of a JWT that choose the merchant's rule and the key."""

    text: str
    algorithm: str
    kid: str | None
    issuer: str

    def __repr__(self) -> str:
        """Show all but the JWT itself."""
        return shown(self, without=("text",))


def read(text: str) -> Unverified:
    """Parse a JWT. Raises `ProofRejected`."""
    parts = _COMPACT.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if parts is None:
        raise ProofRejected("malformed")
    header, claims = _object(parts[1]), _object(parts[2])
    if not _REJECTED.isdisjoint(header):
        raise ProofRejected("refused_header")
    algorithm, kid, issuer = header.get("alg"), header.get("kid"), claims.get("iss")
    if not isinstance(algorithm, str):
        raise ProofRejected("malformed")
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_LENGTH):
        raise ProofRejected("malformed")
    if not isinstance(issuer, str):
        raise ProofRejected("unknown_issuer")
    return Unverified(text, algorithm, kid, issuer)


def _object(segment: str) -> dict[str, Any]:
    """Return one part's JSON. Strict JSON has one meaning, so PyJWT reads the same content later."""
    try:
        value = strict_json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode())
    except ValueError:
        raise ProofRejected("malformed") from None
    if not isinstance(value, dict):
        raise ProofRejected("malformed")
    return value
