"""The issuer's signing keys: made in memory, shown as JWK (RFC 7517) and PEM, used for JWS (RFC 7515).

Tokens are put together here byte for byte, since a test must be able to sign what no library would: claims of the
wrong type, a header that names another key or another algorithm.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

RSA_BITS = 2048
#: What a key can sign, the algorithm of its JWK first.
FAMILIES = {
    "RS256": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "ES256": ("ES256",),
}

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class SigningKey:
    """`published`: it stands in the JWKS. A key that doesn't can still sign, as a stolen or an early one would."""

    kid: str
    algorithm: str
    published: bool = True
    private: PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.algorithm == "RS256":
            self.private = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
        else:
            self.private = ec.generate_private_key(ec.SECP256R1())

    def jwk(self) -> dict[str, object]:
        """The public key as it stands in the JWKS."""
        algorithm: Any = get_default_algorithms()[self.algorithm]
        public = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        shape = {name: public[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in public}
        return {**shape, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def public_pem(self) -> str:
        """For a test that misuses the public key as a shared secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, claims: object, algorithm: str, headers: Mapping[str, object]) -> str:
        """A compact JWS with exactly these claims. `headers` are merged into the header; None removes a member."""
        usual: dict[str, object] = {"alg": algorithm, "kid": self.kid, "typ": "JWT"}
        header = {name: value for name, value in {**usual, **headers}.items() if value is not None}
        signed = f"{_part(_json(header))}.{_part(_json(claims))}"
        signature: bytes = get_default_algorithms()[algorithm].sign(signed.encode(), self.private)
        return f"{signed}.{_part(signature)}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
