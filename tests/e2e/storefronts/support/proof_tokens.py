"""JWTs put together byte for byte: a test must be able to sign what no library would."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def part(value: object) -> str:
    """One part of a JWT: bytes as they are, anything else as JSON."""
    octets = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def read_part(text: str) -> dict[str, Any]:
    """Decode the header or the claims of a JWT."""
    value: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return value


def hs256(claims: Mapping[str, Any], key: bytes | str, **headers: object) -> str:
    """Signed with HMAC-SHA-256, whatever the key is and the header says; a header of None is left out."""
    header = {"alg": "HS256", "typ": "JWT", **headers}
    signed = f"{part({name: value for name, value in header.items() if value is not None})}.{part(claims)}"
    octets = key.encode() if isinstance(key, str) else key
    return f"{signed}.{part(hmac.digest(octets, signed.encode(), hashlib.sha256))}"


def unsigned(claims: Mapping[str, Any], alg: str, signature: str = "") -> str:
    """Return a JWT whose header names an algorithm that needs no key."""
    return f"{part({'alg': alg, 'typ': 'JWT'})}.{part(claims)}.{signature}"


def with_header(jwt: str, **changes: object) -> str:
    """Another header over the signature of the old one."""
    header, claims, signature = jwt.split(".")
    return f"{part({**read_part(header), **changes})}.{claims}.{signature}"


def with_claims(jwt: str, **changes: object) -> str:
    """Other claims over the signature of the old ones."""
    header, claims, signature = jwt.split(".")
    return f"{header}.{part({**read_part(claims), **changes})}.{signature}"


def with_bit_turned(jwt: str, number: int) -> str:
    """Return the JWT with one bit of its signature flipped."""
    signed, _, signature = jwt.rpartition(".")
    octets = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    octets[number // 8] ^= 1 << number % 8
    return f"{signed}.{part(bytes(octets))}"
