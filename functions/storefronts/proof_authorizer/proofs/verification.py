"""Verify that a JWT proves a session of a merchant's storefront, or that its holder is a client of the merchant.

    1. The issuer in the JWT chooses the merchant's rule.
    2. The rule chooses the keys, and the key chooses the algorithm.
    3. PyJWT checks the signature, `iss`, `aud` and the presence of `exp`. `claims` checks the rest.

Until the signature is known to be valid, a JWT only chooses between the merchant's own rules and keys.
"""

from collections.abc import Mapping
from typing import Any

import jwt
from jwt.types import Options

from proofs import claims
from proofs.compact import Unverified
from proofs.key_cache import KeyCache
from proofs.key_set import ALGORITHMS
from proofs.keys import Key, choose
from proofs.outcomes import KeysUnavailable, Proof, ProofRejected
from proofs.signing_keys import ALGORITHM
from token_broker.clock import Clock
from token_broker.storefronts.trust_policy import ProofRule, Sessions, TrustPolicy

_OPTIONS: Options = {
    "require": ["iss", "aud", "exp"],
    "enforce_minimum_key_length": True,
    # `claims` checks the times.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}

#: The reason for each error of PyJWT. Any other error means a malformed JWT.
_REASONS: Mapping[type[jwt.InvalidTokenError], str] = {
    jwt.InvalidSignatureError: "bad_signature",
    jwt.InvalidAlgorithmError: "wrong_algorithm",
    jwt.InvalidAudienceError: "wrong_audience",
    jwt.MissingRequiredClaimError: "missing_claim",
}

#: The usual claim with a session's id.
_SESSION_CLAIM = "sid"

#: The reasons that a replaced key can have.
_OUTDATED = frozenset({"unknown_key", "bad_signature"})


class Verifier:
    """Verify proofs. The key sources cache keys, so a process has one verifier."""

    def __init__(self, signing_keys: KeyCache, key_sets: KeyCache, clock: Clock) -> None:
        self._signing_keys = signing_keys
        self._key_sets = key_sets
        self._clock = clock

    def verify(self, token: Unverified, merchant: str, sessions: Sessions) -> Proof:
        """Return the proof in a JWT under the merchant's policy. Raises `ProofRejected`, `KeysUnavailable`."""
        rule = _rule(sessions.proofs, token.issuer)
        signed, expires_at = self._checked(token, rule, merchant)
        return Proof(claims.session(signed, rule.session_claim), expires_at, rule.issuer)

    def verify_client(self, token: Unverified, merchant: str, policy: TrustPolicy) -> int:
        """Return the end of a client's proof in Unix seconds. Raises `ProofRejected`, `KeysUnavailable`.

        The merchant's backend signs proofs of sessions with the same key, for browsers. Such a proof opens no shop
        token, also if both lists of the policy have the same issuer and audience. Only the subject tells them apart
        after a change of the policy's claims for sessions.
        """
        rule = _rule(policy.shop, token.issuer)
        signed, expires_at = self._checked(token, rule, merchant)
        if rule.jwks_uri is None:
            of_sessions = () if policy.sessions is None else policy.sessions.proofs
            claims.for_the_shop(signed, {_SESSION_CLAIM, *(each.session_claim for each in of_sessions)})
        return expires_at

    def _checked(self, token: Unverified, rule: ProofRule, merchant: str) -> tuple[Mapping[str, Any], int]:
        """Return the claims that fulfil the rule, and the JWT's end."""
        signed = self._signed_claims(token, rule, merchant)
        expires_at = claims.expiry(signed, self._clock.now())
        claims.check(signed, rule.claims)
        return signed, expires_at

    def _signed_claims(self, token: Unverified, rule: ProofRule, merchant: str) -> Mapping[str, Any]:
        """Return the claims that the issuer has signed. If the cached keys do not fit, the keys are read again."""
        source, owner, algorithms = self._keys(rule, merchant)
        if token.algorithm not in algorithms:
            raise ProofRejected("wrong_algorithm")
        try:
            return _decoded(token, rule, source.current(owner))
        except ProofRejected as rejected:
            if rejected.detail not in _OUTDATED:
                raise
            try:
                newer = source.renewed(owner)
            except KeysUnavailable:
                if rejected.detail == "unknown_key":
                    raise  # the key may be a new one
                newer = None
            if newer is None:
                raise rejected from None
        return _decoded(token, rule, newer)

    def _keys(self, rule: ProofRule, merchant: str) -> tuple[KeyCache, str, frozenset[str]]:
        """Return the source of a rule's keys, their owner, and the algorithms, which are symmetric or asymmetric."""
        if rule.jwks_uri is None:
            return self._signing_keys, merchant, frozenset({ALGORITHM})
        return self._key_sets, rule.jwks_uri, ALGORITHMS


def _rule(proofs: tuple[ProofRule, ...], issuer: str) -> ProofRule:
    rules = [rule for rule in proofs if rule.issuer == issuer]
    if len(rules) != 1:
        raise ProofRejected("unknown_issuer")
    return rules[0]


def _decoded(token: Unverified, rule: ProofRule, keys: tuple[Key, ...]) -> Mapping[str, Any]:
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
        # PyJWT rejects a merchant's secret that is a public key, since HS256 needs a secret.
        raise KeysUnavailable("secret_unusable") from None
    except jwt.InvalidTokenError as error:
        raise ProofRejected(_REASONS.get(type(error), "malformed")) from None
