"""What a JWT must say beyond issuer and audience, once its signature is known to be good.

Time is read from our clock: PyJWT has one of its own that cannot be passed in, so its checks of `exp`, `nbf` and `iat`
are off and these stand in for them. They are narrower: whole numbers only, where PyJWT takes texts, fractions and true.
"""

from collections.abc import Mapping
from typing import Any

from proofs.outcomes import ProofRejected
from token_broker.domain import fields
from token_broker.domain.grant import CLOCK_SKEW
from token_broker.storefronts.trust_policy import ClaimValue

#: Seconds that a proof may be good for, counted from now.
LONGEST = 24 * 60 * 60

_session_id = fields.text(256)


def expiry(claims: Mapping[str, Any], now: float) -> int:
    """The proof's end in Unix seconds, its times all being in order. Raises `ProofRejected`."""
    ends = _time(claims, "exp")
    if ends <= now - CLOCK_SKEW:
        raise ProofRejected("expired")
    if ends > now + LONGEST + CLOCK_SKEW:
        raise ProofRejected("too_long")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + CLOCK_SKEW:
            raise ProofRejected("not_yet_valid")
    return ends


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProofRejected("bad_time")
    return value


def session(claims: Mapping[str, Any], name: str) -> str:
    """The session that the proof is for: what a request may name as its session. Raises `ProofRejected`."""
    try:
        return str(_session_id(claims.get(name)))
    except ValueError:
        raise ProofRejected("bad_session") from None


def check(claims: Mapping[str, Any], required: Mapping[str, ClaimValue]) -> None:
    """Whether each required claim has its value, or has it among others in a list. Raises `ProofRejected`."""
    for name, value in required.items():
        said = claims.get(name)
        if not any(_same(each, value) for each in (said if isinstance(said, list) else [said])):
            raise ProofRejected("wrong_claim")


def _same(said: Any, required: ClaimValue) -> bool:
    """Equal as JSON: Python's true equals 1."""
    if isinstance(said, bool) or isinstance(required, bool):
        return said is required
    return isinstance(said, str | int | float) and said == required
