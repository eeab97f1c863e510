"""Read the HS256 keys that a merchant shares with its own backend from the merchant's secret.

    {"keys": {"<kid>": "<text of at least 32 bytes>"}}      1 to 5 keys; a key's bytes are its text's UTF-8

The `Secrets` port caches the secret for a short time. A JWT that fits no key causes a fresh read, but not often, since
anybody can send such a JWT.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from proofs.compact import MAX_KID_LENGTH
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable, UnavailabilityReason
from token_broker.bounded_cache import BoundedCache
from token_broker.clock import Clock
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

ALGORITHM = "HS256"
MAX_KEYS = 5
#: A key must not be shorter than the hash (RFC 7518, 3.2).
MIN_KEY_BYTES = 32
MAX_KEY_BYTES = 4096

#: Seconds between two fresh reads of one merchant's secret.
FRESH_READ_INTERVAL = 30.0
#: Seconds until a secret that could not be used is read again, since the port caches no failures.
RETRY_DELAY = 5.0
#: Seconds for which the last keys are used while Secrets Manager does not respond.
USABLE_FOR = 900.0


class Secrets(Protocol):
    """Read merchants' secrets. The port itself is not imported, since that would load further modules."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the secret's JSON object.

        Raises `MerchantNotFound`, `MerchantMisconfigured`, `StorageUnavailable`.
        """
        ...


@dataclass(slots=True)
class _CachedKeys:
    """Hold one merchant's keys, with times on the monotonic clock."""

    keys: tuple[Key, ...] = ()
    read_at: float = -inf
    fresh_read_at: float = -inf
    failure: UnavailabilityReason | None = None
    failed_at: float = -inf


class SigningKeys:
    """Provide merchants' own keys, as a `KeySource`."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._entries = BoundedCache[str, _CachedKeys](clock)

    def current(self, owner: str) -> tuple[Key, ...]:
        """Return the merchant's keys. Raises `KeysUnavailable` if the secret is missing, malformed or not readable."""
        cached = self._entry(owner)
        if cached.failure is None or self._clock.monotonic() >= cached.failed_at + RETRY_DELAY:
            self._read(owner, cached, fresh=False)
        if cached.failure is None or self._clock.monotonic() < cached.read_at + USABLE_FOR:
            return cached.keys
        raise KeysUnavailable(cached.failure)

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """Return the keys of a fresh read, or None if the last one was recent. Raises `KeysUnavailable`."""
        cached, now = self._entry(owner), self._clock.monotonic()
        # While Secrets Manager hangs, each read takes seconds. With two reads the authorizer would run out of time.
        if now >= cached.fresh_read_at + FRESH_READ_INTERVAL and not (
            cached.failure and now < cached.failed_at + RETRY_DELAY
        ):
            cached.fresh_read_at = now
            self._read(owner, cached, fresh=True)
            if cached.failure is None:
                return cached.keys
        if cached.failure is not None:
            raise KeysUnavailable(cached.failure)
        return None

    def _entry(self, merchant: str) -> _CachedKeys:
        cached = self._entries.get(merchant)
        if cached is None:
            cached = _CachedKeys()
            self._entries.put(merchant, cached)
        return cached

    def _read(self, merchant: str, cached: _CachedKeys, *, fresh: bool) -> None:
        try:
            cached.keys = _keys(self._secrets.read(merchant, fresh=fresh))
        except MerchantNotFound:
            cached.failure = "no_secret"
        except (MerchantMisconfigured, _Unusable):
            cached.failure = "secret_unusable"
        except StorageUnavailable:
            cached.failure = "secret_unreadable"
        else:
            cached.failure = None
            cached.read_at = self._clock.monotonic()
            return
        cached.failed_at = self._clock.monotonic()
        if cached.failure != "secret_unreadable":
            cached.read_at = -inf  # keys that the merchant has removed must not be used


class _Unusable(Exception):
    """Report that a secret does not have the expected form."""


def _keys(secret: Mapping[str, Any]) -> tuple[Key, ...]:
    texts = secret.get("keys")
    if set(secret) != {"keys"} or not isinstance(texts, dict) or not 1 <= len(texts) <= MAX_KEYS:
        raise _Unusable
    return tuple(_key(kid, text) for kid, text in texts.items())


def _key(kid: str, text: Any) -> Key:
    try:
        octets = text.encode() if isinstance(text, str) else b""
    except UnicodeEncodeError:
        raise _Unusable from None
    if not 0 < len(kid) <= MAX_KID_LENGTH or not MIN_KEY_BYTES <= len(octets) <= MAX_KEY_BYTES:
        raise _Unusable
    return Key(kid, ALGORITHM, octets)
