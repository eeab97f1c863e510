"""HS256 keys that a merchant shares with its own backend, read from its secret.

    {"keys": {"<kid>": "<text of at least 32 bytes>"}}      1 to 5 keys; a key's bytes are its text's UTF-8

The secret is kept for a short time by the `Secrets` port. One that may have changed is read afresh, but only so often:
anybody can send a JWT that fits no key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from proofs.compact import KID_LIMIT
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable, Unavailability
from token_broker.clock import Clock
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, StorageUnavailable

ALGORITHM = "HS256"
KEYS = 5
#: Bytes: a key shorter than the hash is the weakest part (RFC 7518, 3.2).
LEAST_BYTES = 32
MOST_BYTES = 4096

#: Seconds between two fresh readings of one merchant's secret.
FRESH_EVERY = 30.0
#: Seconds for which a secret that could not be used is not read again: the port keeps no failures.
PAUSE = 5.0
#: Seconds for which keys that were read stand in while Secrets Manager does not answer.
STAND_IN = 900.0
MAX_ENTRIES = 1024


class Secrets(Protocol):
    """Merchants' secrets: the part of the port that is needed here, without what else an import of it loads."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """The secret's JSON object. Raises `MerchantNotFound`, `MerchantMisconfigured`, `StorageUnavailable`."""
        ...


@dataclass(slots=True)
class _Kept:
    """What is known of one merchant's keys; times on the monotonic clock."""

    keys: tuple[Key, ...] = ()
    read_at: float = -inf
    read_afresh_at: float = -inf
    failure: Unavailability | None = None
    failed_at: float = -inf


class SigningKeys:
    """The `KeySource` of merchants' own keys."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def current(self, owner: str) -> tuple[Key, ...]:
        """The merchant's keys. Raises `KeysUnavailable`: there is no such secret, it is broken, or cannot be read."""
        kept = self._of(owner)
        if kept.failure is None or self._clock.monotonic() >= kept.failed_at + PAUSE:
            self._read(owner, kept, fresh=False)
        if kept.failure is None or self._clock.monotonic() < kept.read_at + STAND_IN:
            return kept.keys
        raise KeysUnavailable(kept.failure)

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """The merchant's keys as its secret holds them now; None where that was read a moment ago."""
        kept, now = self._of(owner), self._clock.monotonic()
        # While Secrets Manager hangs, each reading takes seconds: a second in one call would outlive the authorizer.
        if now >= kept.read_afresh_at + FRESH_EVERY and not (kept.failure and now < kept.failed_at + PAUSE):
            kept.read_afresh_at = now
            self._read(owner, kept, fresh=True)
            if kept.failure is None:
                return kept.keys
        if kept.failure is not None:
            raise KeysUnavailable(kept.failure)
        return None

    def _of(self, merchant: str) -> _Kept:
        kept = self._kept.pop(merchant, None) or _Kept()
        if len(self._kept) >= MAX_ENTRIES:
            self._kept.pop(next(iter(self._kept)))  # the one not used for longest
        self._kept[merchant] = kept
        return kept

    def _read(self, merchant: str, kept: _Kept, *, fresh: bool) -> None:
        try:
            kept.keys = _keys(self._secrets.read(merchant, fresh=fresh))
        except MerchantNotFound:
            kept.failure = "no_secret"
        except (MerchantMisconfigured, _Unusable):
            kept.failure = "secret_unusable"
        except StorageUnavailable:
            kept.failure = "secret_unreadable"
        else:
            kept.failure = None
            kept.read_at = self._clock.monotonic()
            return
        kept.failed_at = self._clock.monotonic()
        if kept.failure != "secret_unreadable":
            kept.read_at = -inf  # keys that were taken back stand in for nothing


class _Unusable(Exception):
    """A secret of another shape."""


def _keys(secret: Mapping[str, Any]) -> tuple[Key, ...]:
    texts = secret.get("keys")
    if set(secret) != {"keys"} or not isinstance(texts, dict) or not 1 <= len(texts) <= KEYS:
        raise _Unusable
    return tuple(_key(kid, text) for kid, text in texts.items())


def _key(kid: str, text: Any) -> Key:
    try:
        octets = text.encode() if isinstance(text, str) else b""
    except UnicodeEncodeError:
        raise _Unusable from None
    if not 0 < len(kid) <= KID_LIMIT or not LEAST_BYTES <= len(octets) <= MOST_BYTES:
        raise _Unusable
    return Key(kid, ALGORITHM, octets)
