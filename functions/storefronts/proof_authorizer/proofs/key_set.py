"""Parse an OIDC issuer's published keys (a JWK Set, RFC 7517).

A key that cannot check a proof is ignored, as RFC 7517 says, since issuers also publish keys for other purposes.
"""

import re
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from proofs.key_cache import KeyCache, Times
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable
from token_broker import strict_json
from token_broker.clock import Clock

TIMES = Times(
    fresh_for=600.0,
    usable_for=24 * 60 * 60.0,
    renewable_after=1.0,  # a younger set was fetched for the same proof
    renewal_interval=60.0,
    retry_delays=(5.0, 10.0, 20.0, 40.0, 60.0),
)
#: Further keys of a set are ignored.
MAX_KEYS = 20
RSA_BITS = range(2048, 4096 + 1)
#: A larger exponent only makes each check slow.
MAX_EXPONENT_BITS = 32

#: The algorithms for each kind of key. The first is used if the key names none.
_ALGORITHMS = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
ALGORITHMS = frozenset(name for names in _ALGORITHMS.values() for name in names)

#: The numbers of a public key, and the members of a private key.
_NUMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
_PRIVATE = frozenset({"d", "dp", "dq", "k", "oth", "p", "q", "qi"})
#: base64url, and short enough to make a key of it quickly.
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,1024}")


def key_sets(fetch: Callable[[str], bytes], clock: Clock) -> KeyCache:
    """Return the cache of issuers' keys, by address. `fetch` returns its document or raises `KeysUnavailable`."""
    return KeyCache(lambda address: parse(fetch(address)), clock, TIMES)


def parse(document: bytes) -> tuple[Key, ...]:
    """Return the usable keys of a JWK Set, which can be none. Raises `KeysUnavailable` if it is no such set."""
    try:
        members = strict_json.loads(document.decode())
    except ValueError:
        raise KeysUnavailable("jwks_malformed") from None
    published = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(published, list):
        raise KeysUnavailable("jwks_malformed")
    return tuple(key for jwk in published[:MAX_KEYS] if isinstance(jwk, dict) and (key := _key(jwk)) is not None)


def _key(jwk: dict[str, Any]) -> Key | None:
    kid, algorithm = jwk.get("kid"), _algorithm(jwk)
    if algorithm is None or not _for_signatures(jwk) or not (kid is None or isinstance(kid, str)):
        return None
    numbers = {name: jwk.get(name) for name in _NUMBERS[jwk["kty"]]}
    if not all(isinstance(value, str) and _NUMBER.fullmatch(value) for value in numbers.values()):
        return None
    try:
        material = PyJWK({"kty": jwk["kty"], "crv": jwk.get("crv"), **numbers}, algorithm)
    except (PyJWTError, UnsupportedAlgorithm):
        return None  # for example a point that is not on its curve
    return Key(kid, algorithm, material) if _strong(material) else None


def _algorithm(jwk: dict[str, Any]) -> str | None:
    """Return the key's own `alg`, or the first of its kind. Returns None if a proof cannot have it."""
    kty, curve, named = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    if not isinstance(kty, str) or not isinstance(curve, str | None):
        return None
    possible = _ALGORITHMS.get((kty, curve), ())
    if named is None:
        return next(iter(possible), None)
    return named if isinstance(named, str) and named in possible else None


def _for_signatures(jwk: dict[str, Any]) -> bool:
    """Return whether this is a public key for checking signatures."""
    purposes = jwk.get("key_ops", ["verify"])
    if not _PRIVATE.isdisjoint(jwk) or jwk.get("use", "sig") != "sig":
        return False
    return isinstance(purposes, list) and "verify" in purposes


def _strong(material: PyJWK) -> bool:
    key = material.key
    if not isinstance(key, RSAPublicKey):
        return True
    return key.key_size in RSA_BITS and key.public_numbers().e.bit_length() <= MAX_EXPONENT_BITS
