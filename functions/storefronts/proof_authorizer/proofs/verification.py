"""Whether a JWT proves a session of a merchant's storefront.

    1. the issuer that it names picks the merchant's rule: exactly one, or none
    2. the rule says whose keys count; the key says which algorithm does
    3. PyJWT checks the signature, `iss` and `aud`, and that `exp` is there; `claims` checks the rest

Until the signature is known to be good, all that a JWT decides is which of the merchant's own rules and keys is tried.
"""

from collections.abc import Mapping
from typing import Any, assert_never

import jwt
from jwt.types import Options

from proofs import claims, compact
from proofs.compact import Unverified
from proofs.jwks import KeySets
from proofs.key_set import ALGORITHMS
from proofs.keys import Key, KeySource, choose
from proofs.outcomes import KeysUnavailable, Proof, ProofRejected, Refusal
from proofs.signing_keys import ALGORITHM, SigningKeys
from token_broker.clock import Clock
from token_broker.storefronts.trust_policy import Hs256Proof, OidcProof, Sessions
from token_broker.storefronts.trust_policy import Proof as Rule

__all__ = ["KeysUnavailable", "Proof", "ProofRejected", "Verifier"]

_OPTIONS: Options = {
    "require": ["iss", "aud", "exp"],
    "enforce_minimum_key_length": True,
    # By our own clock, in `claims`.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}

#: What PyJWT refuses with, and what that is called here; anything else is a form that it does not take.
_REFUSALS: tuple[tuple[type[jwt.InvalidTokenError], Refusal], ...] = (
    (jwt.InvalidSignatureError, "bad_signature"),
    (jwt.InvalidAlgorithmError, "wrong_algorithm"),
    (jwt.InvalidAudienceError, "wrong_audience"),
    (jwt.MissingRequiredClaimError, "missing_claim"),
)

#: What a key that was replaced looks like.
_OUTDATED = frozenset({"unknown_key", "bad_signature"})


class Verifier:
    """Verifies proofs. One is kept for the life of the process: it holds the keys read so far."""

    def __init__(self, *, signing_keys: SigningKeys, key_sets: KeySets, clock: Clock) -> None:
        self._signing_keys = signing_keys
        self._key_sets = key_sets
        self._clock = clock

    def verify(self, jwt_text: str, merchant: str, sessions: Sessions) -> Proof:
        """What a JWT proves under the merchant's policy. Raises `ProofRejected`, `KeysUnavailable`."""
        token = compact.read(jwt_text)
        rule = _rule(sessions, token.issuer)
        said = self._authentic(token, rule, merchant)
        expires_at = claims.expiry(said, self._clock.now())
        claims.check(said, rule.claims)
        return Proof(claims.session(said, rule.session_claim), expires_at, rule.issuer)

    def _authentic(self, token: Unverified, rule: Rule, merchant: str) -> Mapping[str, Any]:
        """The claims, if the issuer has signed them; where the keys known do not fit, they may have been replaced."""
        source, owner, algorithms = self._keys(rule, merchant)
        if token.algorithm not in algorithms:
            raise ProofRejected("wrong_algorithm")
        try:
            return _decoded(token, rule, source.current(owner))
        except ProofRejected as rejected:
            if rejected.reason not in _OUTDATED:
                raise
            try:
                newer = source.renewed(owner)
            except KeysUnavailable:
                if rejected.reason == "unknown_key":
                    raise  # it may well be a new one
                newer = None
            if newer is None:
                raise rejected from None
        return _decoded(token, rule, newer)

    def _keys(self, rule: Rule, merchant: str) -> tuple[KeySource, str, frozenset[str]]:
        """Whose keys count under a rule, and what they can be for: never both, a secret and a public key."""
        match rule:
            case Hs256Proof():
                return self._signing_keys, merchant, frozenset({ALGORITHM})
            case OidcProof():
                return self._key_sets, rule.jwks_uri, ALGORITHMS
            case _:
                assert_never(rule)


def _rule(sessions: Sessions, issuer: str) -> Rule:
    rules = [rule for rule in sessions.proofs if rule.issuer == issuer]
    if len(rules) != 1:
        raise ProofRejected("unknown_issuer")
    return rules[0]


def _decoded(token: Unverified, rule: Rule, keys: tuple[Key, ...]) -> Mapping[str, Any]:
    key = choose(keys, kid=token.kid, algorithm=token.algorithm)
    try:
        return jwt.decode(
            token.text,
            key.material,
            algorithms=[key.algorithm],
            audience=rule.audience,
            issuer=rule.issuer,
            options=_OPTIONS,
        )
    except jwt.InvalidKeyError:
        # A merchant's secret that is a public key: PyJWT takes none for HS256, whoever put it there.
        raise KeysUnavailable("secret_unusable") from None
    except jwt.InvalidTokenError as error:
        raise ProofRejected(_refusal(error)) from None


def _refusal(error: jwt.InvalidTokenError) -> Refusal:
    return next((reason for kind, reason in _REFUSALS if isinstance(error, kind)), "malformed")
