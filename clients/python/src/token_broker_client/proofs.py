"""Sign proofs, which open a session's token to its visitor's browser, or the shop's tokens to servers and apps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from token_broker_client.aws import Signer
from token_broker_client.errors import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Seconds that a proof is valid.
LIFETIME = 300
#: Seconds for which a key is kept, at most if the secret cannot be read then, and between those attempts to read it.
KEEP_KEYS, KEEP_KEYS_AT_MOST, READ_AGAIN = 300.0, 900.0, 30.0
#: In bytes. The broker accepts no shorter key.
SHORTEST_KEY = 32


class _Key(NamedTuple):
    key_id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"_Key({self.key_id!r})"


class ProofSigner:
    """Sign proofs of type hs256 with the newest key of the merchant's proof secret.

    `issuer` and `audience` are those of the trust policy. `read_secret` returns the secret's text, and is called again
    after five minutes, so that a new key is used. If it fails then, the old key is used for up to 15 minutes in all.
    Threads may share a signer.
    """

    def __init__(
        self,
        read_secret: Callable[[], str],
        *,
        issuer: str,
        audience: str = "token-broker",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read_secret = read_secret
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._key: _Key | None = None
        self._read_at = self._read_again_at = 0.0
        self._lock = threading.Lock()

    @classmethod
    def from_secret(
        cls,
        name: str,
        *,
        issuer: str,
        audience: str = "token-broker",
        session: Any = None,
        region: str | None = None,
    ) -> ProofSigner:
        """Return a signer that reads its keys from Secrets Manager: `{SecretPrefix}/storefront-proof/{merchant}`."""
        signer = Signer(session, region)

        def read() -> str:
            found = signer.read(
                "secretsmanager", "get_secret_value", permission="secretsmanager:GetSecretValue", SecretId=name
            )
            return str(found.get("SecretString", ""))

        return cls(read, issuer=issuer, audience=audience)

    def sign(self, session_id: str, **claims: Any) -> str:
        """Return a proof for this checkout session, valid for five minutes. `claims` are added.

        Sign only for the session that your own backend knows the visitor by, never for one that a page names. Raises
        `TokenBrokerError`.
        """
        return self._signed({**claims, "sid": session_id})

    def sign_client(self, **claims: Any) -> str:
        """Return a proof for a server or a native app, valid for five minutes. It opens the shop's tokens.

        Its subject (`sub`) is "shop", and it names no session, so a browser must never get it. `claims` are added.
        Raises `TokenBrokerError`.
        """
        return self._signed({**claims, "sub": "shop"})

    def _signed(self, claims: Mapping[str, Any]) -> str:
        key, now = self._newest_key(), int(self._clock())
        header = {"alg": "HS256", "typ": "JWT", "kid": key.key_id}
        standard = {"iss": self._issuer, "aud": self._audience, "iat": now, "exp": now + LIFETIME}
        signed = f"{_part(header)}.{_part({**claims, **standard})}"
        return f"{signed}.{_encoded(hmac.digest(key.secret, signed.encode(), hashlib.sha256))}"

    def _newest_key(self) -> _Key:
        with self._lock:
            now = self._clock()
            if self._key is None or not self._read_at <= now < self._read_again_at:
                try:
                    secret = self._read_secret()
                except Exception:
                    if self._key is None or not 0 <= now - self._read_at < KEEP_KEYS_AT_MOST:
                        raise
                    self._read_again_at = min(now + READ_AGAIN, self._read_at + KEEP_KEYS_AT_MOST)
                else:
                    self._key, self._read_at, self._read_again_at = _newest(secret), now, now + KEEP_KEYS
            return self._key


def _newest(secret: str) -> _Key:
    """Return the last key of the secret. Raises `MalformedAnswer`."""
    try:
        key_id, value = list(json.loads(secret)["keys"].items())[-1]
        key = _Key(str(key_id), value.encode())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        key = _Key("", b"")
    if len(key.secret) < SHORTEST_KEY:
        raise MalformedAnswer('The proof secret must be {"keys": {"<kid>": "<text of at least 32 bytes>"}}.')
    return key


def _part(value: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
