"""Check a JWT's claims beyond issuer and audience, after its signature is known to be valid.

PyJWT takes no clock, so its checks of `exp`, `nbf` and `iat` are off and this module has its own. They accept integers
only, while PyJWT also accepts texts, fractions and true.
"""

from collections.abc import Collection, Mapping
from typing import Any

from proofs.outcomes import ProofRejected
from token_broker.domain import fields
from token_broker.domain.grant import CLOCK_SKEW
from token_broker.storefronts.trust_policy import ClaimValue

#: Seconds from now for which a proof may be valid.
MAX_LIFETIME = 24 * 60 * 60

#: The subject (`sub`) of a proof that the merchant's backend signs for the shop's tokens.
SHOP = "shop"

_session_id = fields.text(256)


def expiry(claims: Mapping[str, Any], now: float) -> int:
    """Check the proof's times and return its end in Unix seconds. Raises `ProofRejected`."""
    expires_at = _time(claims, "exp")
    if expires_at <= now - CLOCK_SKEW:
        raise ProofRejected("expired")
    if expires_at > now + MAX_LIFETIME + CLOCK_SKEW:
        raise ProofRejected("too_long")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + CLOCK_SKEW:
            raise ProofRejected("not_yet_valid")
    return expires_at


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProofRejected("bad_time")
    return value


def session(claims: Mapping[str, Any], name: str) -> str:
    """Return the id of the session that the proof is for. Raises `ProofRejected`."""
    try:
        return str(_session_id(claims.get(name)))
    except ValueError:
        raise ProofRejected("bad_session") from None


def for_the_shop(claims: Mapping[str, Any], session_claims: Collection[str]) -> None:
    """Check that the proof has the shop as its subject and names no session. Raises `ProofRejected`."""
    if any(name in claims for name in session_claims):
        raise ProofRejected("for_a_session")
    if claims.get("sub") != SHOP:
        raise ProofRejected("not_for_the_shop")


def check(claims: Mapping[str, Any], required: Mapping[str, ClaimValue]) -> None:
    """Check that each required claim has its value, or is a list that contains it. Raises `ProofRejected`."""
    for name, value in required.items():
        claim = claims.get(name)
        if not any(_same(each, value) for each in (claim if isinstance(claim, list) else [claim])):
            raise ProofRejected("wrong_claim")


def _same(value: Any, required: ClaimValue) -> bool:
    """Return whether two values are equal as JSON. In Python true equals 1."""
    if isinstance(value, bool) or isinstance(required, bool):
        return value is required
    return isinstance(value, str | int | float) and value == required
