"""Proofs of a session: keys, the JWTs signed with them, and the two places where a verifier finds the keys."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import AllowedPrivateKeys, ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from proofs import compact
from proofs.key_set import key_sets
from proofs.outcomes import KeysUnavailable, Proof, ProofRejected
from proofs.signing_keys import signing_keys
from proofs.verification import Verifier
from tests.fakes.clock import NOW, MovableClock
from tests.fakes.secrets import MemorySecrets
from token_broker.storefronts.trust_policy import ProofRule, Sessions, TrustPolicy

MERCHANT = "acme"
SHOP, LOGIN = "https://shop.example", "https://login.example"
AUDIENCE = "token-broker"
JWKS_URI = "https://login.example/.well-known/jwks.json"
SESSION = "session-1"
SECRET = "0123456789abcdef0123456789abcdef"
OTHER_SECRET = "another secret, of more than 32 bytes"

HS256 = ProofRule(SHOP, AUDIENCE, "sid", {})
OIDC = ProofRule(LOGIN, AUDIENCE, "sid", {}, JWKS_URI)


@cache
def rsa_key(bits: int = 2048, number: int = 0, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """Return an RSA key. Each `number` has its own."""
    return rsa.generate_private_key(exponent, bits)


@cache
def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def p384_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: AllowedPrivateKeys | rsa.RSAPublicKey, **members: Any) -> dict[str, Any]:
    """Return the public half as an issuer publishes it, without the members that are None."""
    public = key if isinstance(key, rsa.RSAPublicKey) else key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        numbers = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        numbers = OKPAlgorithm.to_jwk(public, as_dict=True)
    numbers.pop("key_ops", None)
    return {name: value for name, value in {**numbers, **members}.items() if value is not None}


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def claims(issuer: str = SHOP, *, now: float = NOW, **others: Any) -> dict[str, Any]:
    """Return a good proof's claims, without those that are None."""
    usual = {"iss": issuer, "aud": AUDIENCE, "exp": int(now) + 600, "sid": SESSION}
    return {name: value for name, value in {**usual, **others}.items() if value is not None}


def by_backend(secret: str = SECRET, kid: str | None = None, **others: Any) -> str:
    """Sign a proof as the merchant's backend."""
    return jwt.encode(claims(SHOP, **others), secret, "HS256", headers=None if kid is None else {"kid": kid})


def by_issuer(
    key: AllowedPrivateKeys | None = None, *, kid: str | None = "key-1", algorithm: str = "RS256", **others: Any
) -> str:
    """Sign a proof as the OIDC issuer."""
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(claims(LOGIN, **others), key or rsa_key(), algorithm, headers=headers)


def base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def by_hand(
    header: Mapping[str, Any] | str, payload: Mapping[str, Any] | str, sign: Callable[[bytes], bytes] = lambda _: b""
) -> str:
    """Build a JWT that no library would make. Texts are used as they are."""
    parts = [each if isinstance(each, str) else json.dumps(each) for each in (header, payload)]
    signed = ".".join(base64url(part.encode()) for part in parts)
    return f"{signed}.{base64url(sign(signed.encode()))}"


class Issuer:
    """Serves documents by their address, and notes what was fetched. An exception in a document's place is raised."""

    def __init__(self, **documents: bytes | KeysUnavailable) -> None:
        self.documents: dict[str, bytes | KeysUnavailable] = dict(documents)
        self.fetched: list[str] = []

    def __call__(self, uri: str) -> bytes:
        self.fetched.append(uri)
        document = self.documents.get(uri, KeysUnavailable("jwks_wrong_status"))
        if isinstance(document, KeysUnavailable):
            raise document
        return document

    def publishes(self, *keys: Any, at: str = JWKS_URI) -> None:
        self.documents[at] = jwks(*keys)

    def is_down(self, at: str = JWKS_URI) -> None:
        self.documents[at] = KeysUnavailable("jwks_timed_out")


@dataclass
class Desk:
    """A verifier with its surroundings; the merchant's policy takes both kinds of proof."""

    rules: tuple[ProofRule, ...] = (HS256, OIDC)
    clock: MovableClock = field(default_factory=MovableClock)
    secrets: MemorySecrets = field(default_factory=lambda: MemorySecrets(acme={"keys": {"k1": SECRET}}))
    issuer: Issuer = field(default_factory=Issuer)

    def __post_init__(self) -> None:
        self.issuer.publishes(jwk(rsa_key(), kid="key-1"))
        self.signing_keys = signing_keys(self.secrets, self.clock)
        self.key_sets = key_sets(self.issuer, self.clock)
        self._verifier = Verifier(self.signing_keys, self.key_sets, self.clock)

    def verify(self, text: str, merchant: str = MERCHANT) -> Proof:
        return self._verifier.verify(compact.read(text), merchant, Sessions(self.rules, ("wallet.read",)))

    def verify_client(self, text: str, policy: TrustPolicy, merchant: str = MERCHANT) -> int:
        return self._verifier.verify_client(compact.read(text), merchant, policy)

    def refusal(self, text: str, merchant: str = MERCHANT) -> str:
        """Return why a proof is rejected, which holds nothing of the token."""
        with pytest.raises(ProofRejected) as rejected:
            self.verify(text, merchant)
        assert rejected.value.__cause__ is None
        assert str(rejected.value) == rejected.value.detail
        return rejected.value.detail

    def unavailable(self, text: str) -> str:
        """Return why nothing can be said of a proof."""
        with pytest.raises(KeysUnavailable) as failed:
            self.verify(text)
        return failed.value.reason
