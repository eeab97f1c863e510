"""Cache issuers' key sets by their address.

A set is fetched again after 10 minutes. A JWT with an unknown key can cause a fetch earlier, at most every 60 s, since
issuers rotate their keys. While the issuer does not respond, a set is used for up to 24 hours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from proofs.key_set import NotAKeySet, parse
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable, UnavailabilityReason
from token_broker.clock import Clock

#: All times are in seconds.
FRESH_FOR = 600.0
MIN_RENEWAL_INTERVAL = 60.0
USABLE_FOR = 24 * 60 * 60.0
#: A younger set is not renewed, since it was fetched for the same proof.
MIN_RENEWAL_AGE = 1.0
#: Waits after the first failure in a row, the second, and so on.
RETRY_DELAYS = (5.0, 10.0, 20.0, 40.0, 60.0)
MAX_ENTRIES = 1024

#: Takes an address. Returns its document, or raises `KeysUnavailable`.
type Fetch = Callable[[str], bytes]


@dataclass(slots=True)
class _CachedKeySet:
    """Hold one key set, with times on the monotonic clock. `failure` is the last fetch's, if it failed."""

    keys: tuple[Key, ...] = ()
    fetched_at: float = -inf
    renewed_at: float = -inf
    failure: UnavailabilityReason | None = None
    failures: int = 0
    retry_at: float = -inf


class KeySets:
    """Provide the keys of OIDC issuers, as a `KeySource`."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._entries: dict[str, _CachedKeySet] = {}

    def current(self, owner: str) -> tuple[Key, ...]:
        """Return the keys at an address, fetched if they are too old. Raises `KeysUnavailable`."""
        cached, now = self._entry(owner), self._clock.monotonic()
        if now >= cached.fetched_at + FRESH_FOR and now >= cached.retry_at:
            self._refetch(owner, cached)
        if cached.failure is not None and now >= cached.fetched_at + USABLE_FOR:
            raise KeysUnavailable(cached.failure)
        return cached.keys

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """Return the keys at an address, fetched now, or None if a fetch is not due. Raises `KeysUnavailable`."""
        cached, now = self._entry(owner), self._clock.monotonic()
        if now < cached.fetched_at + MIN_RENEWAL_AGE:
            return None
        if now >= cached.renewed_at + MIN_RENEWAL_INTERVAL and now >= cached.retry_at:
            cached.renewed_at = now
            self._refetch(owner, cached)
            if cached.failure is None:
                return cached.keys
        if cached.failure is not None:
            raise KeysUnavailable(cached.failure)
        return None

    def _entry(self, address: str) -> _CachedKeySet:
        cached = self._entries.pop(address, None) or _CachedKeySet()
        if len(self._entries) >= MAX_ENTRIES:
            # Keys survive an issuer's outage here only, so entries without keys go before the least recently used.
            without_keys = (each for each, entry in self._entries.items() if not entry.keys)
            self._entries.pop(next(without_keys, None) or next(iter(self._entries)))
        self._entries[address] = cached
        return cached

    def _refetch(self, address: str, cached: _CachedKeySet) -> None:
        try:
            cached.keys = parse(self._fetch(address))
        except KeysUnavailable as error:
            cached.failure = error.reason
        except NotAKeySet:
            cached.failure = "jwks_malformed"
        else:
            cached.failure, cached.failures = None, 0
            cached.fetched_at = self._clock.monotonic()
            return
        cached.retry_at = self._clock.monotonic() + RETRY_DELAYS[min(cached.failures, len(RETRY_DELAYS) - 1)]
        cached.failures += 1
