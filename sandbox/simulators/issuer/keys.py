"""Create the issuer's signing keys in memory, show them as JWK (RFC 7517) and PEM, and sign JWS (RFC 7515).

Tokens are assembled byte for byte. A test must be able to sign what no library would, such as claims of the wrong type
or a header that names another key or algorithm.
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
#: The algorithms that a key can sign with. The first is in its JWK.
FAMILIES = {
    "RS256": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "ES256": ("ES256",),
}

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class SigningKey:
    """Hold a signing key.

    `published` keys are in the JWKS. Other keys can still sign, as a stolen or an early key would.
    """

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
        """Return the public key as it is in the JWKS."""
        algorithm: Any = get_default_algorithms()[self.algorithm]
        public = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        shape = {name: public[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in public}
        return {**shape, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def public_pem(self) -> str:
        """Return the public key as PEM, for a test that misuses it as a shared secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, claims: object, algorithm: str, headers: Mapping[str, object]) -> str:
        """Return a compact JWS with exactly these claims.

        `headers` are merged into the header. None removes a member.
        """
        usual: dict[str, object] = {"alg": algorithm, "kid": self.kid, "typ": "JWT"}
        header = {name: value for name, value in {**usual, **headers}.items() if value is not None}
        signed = f"{_part(_json(header))}.{_part(_json(claims))}"
        signature: bytes = get_default_algorithms()[algorithm].sign(signed.encode(), self.private)
        return f"{signed}.{_part(signature)}"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
