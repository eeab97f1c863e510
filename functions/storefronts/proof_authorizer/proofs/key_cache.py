"""Cache keys by their owner, which is a merchant or the address of an issuer's key set.

A JWT that fits no key can cause an early read, since keys are replaced. That is rare, since anybody can send such a
JWT. While the source fails, the last keys are used for a limited time.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from proofs.keys import Key
from proofs.outcomes import PERMANENT, KeysUnavailable
from token_broker.clock import Clock

MAX_ENTRIES = 1024


class Times(NamedTuple):
    """Hold a source's times in seconds.

    Keys are read again at the age `fresh_for`. While reads fail, they are used until the age `usable_for`. A JWT causes
    an early read once in `renewal_interval`, of keys of the age `renewable_after`. `retry_delays` are the waits after
    the first failure in a row, the second, and so on.
    """

    fresh_for: float
    usable_for: float
    renewable_after: float
    renewal_interval: float
    retry_delays: tuple[float, ...]


class _Entry:
    """Hold one owner's keys, with times on the monotonic clock. `failure` is the last read's, if it failed."""

    __slots__ = ("failure", "failures", "keys", "read_at", "renewed_at", "retry_at")

    def __init__(self) -> None:
        self.keys: tuple[Key, ...] = ()
        self.read_at = self.renewed_at = self.retry_at = -inf
        self.failure: str | None = None
        self.failures = 0


class KeyCache:
    """Provide the keys of one kind of owner. `read` returns an owner's keys or raises `KeysUnavailable`."""

    def __init__(self, read: Callable[[str], tuple[Key, ...]], clock: Clock, times: Times) -> None:
        self._read = read
        self._clock = clock
        self._times = times
        self._entries: dict[str, _Entry] = {}

    def current(self, owner: str) -> tuple[Key, ...]:
        """Return the owner's keys, read again if they are too old. Raises `KeysUnavailable`."""
        entry, now = self._entry(owner), self._clock.monotonic()
        if now >= entry.read_at + self._times.fresh_for and now >= entry.retry_at:
            self._refresh(owner, entry)
        if entry.failure is not None and now >= entry.read_at + self._times.usable_for:
            raise KeysUnavailable(entry.failure)
        return entry.keys

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """Return the keys, read again because the cached ones did not fit. Returns None if the last read was recent.

        Raises `KeysUnavailable` if the read fails, or failed recently.
        """
        entry, now = self._entry(owner), self._clock.monotonic()
        if now < entry.read_at + self._times.renewable_after:
            return None
        # While a source hangs, each read takes seconds. With two reads the authorizer would run out of time.
        if now >= entry.renewed_at + self._times.renewal_interval and now >= entry.retry_at:
            entry.renewed_at = now
            self._refresh(owner, entry)
            if entry.failure is None:
                return entry.keys
        if entry.failure is not None:
            raise KeysUnavailable(entry.failure)
        return None

    def _entry(self, owner: str) -> _Entry:
        entry = self._entries.pop(owner, None) or _Entry()
        if len(self._entries) >= MAX_ENTRIES:
            # Keys survive an issuer's outage here only, so entries without keys go before the least recently used.
            without_keys = (each for each, other in self._entries.items() if not other.keys)
            self._entries.pop(next(without_keys, None) or next(iter(self._entries)))
        self._entries[owner] = entry
        return entry

    def _refresh(self, owner: str, entry: _Entry) -> None:
        try:
            entry.keys = self._read(owner)
        except KeysUnavailable as unavailable:
            entry.failure = unavailable.reason
            delays = self._times.retry_delays
            entry.retry_at = self._clock.monotonic() + delays[min(entry.failures, len(delays) - 1)]
            entry.failures += 1
            if entry.failure in PERMANENT:
                entry.read_at = -inf  # keys that the merchant has removed must not be used
        else:
            entry.failure, entry.failures = None, 0
            entry.read_at = self._clock.monotonic()
