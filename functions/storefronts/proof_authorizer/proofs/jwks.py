"""Issuers' key sets, kept by their address.

10 min   a set is taken as it is; then it is fetched again
60 s     the least time between two fetches for a key that the set does not have: issuers rotate their keys
24 h     how long a set goes on being used while its issuer does not answer, so that an outage there is none here
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from proofs.key_set import NotAKeySet, parse
from proofs.keys import Key
from proofs.outcomes import KeysUnavailable, Unavailability
from token_broker.clock import Clock

FRESH = 600.0
RENEWED_EVERY = 60.0
STALE = 24 * 60 * 60.0
#: Seconds for which a set is too young to be renewed: it was fetched for this very proof.
JUST_FETCHED = 1.0
#: Seconds to wait after the first failure, the second in a row, and so on.
PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
MAX_ENTRIES = 1024

#: Fetches the document under an address. Raises `KeysUnavailable`.
type Fetch = Callable[[str], bytes]


@dataclass(slots=True)
class _Kept:
    """What is known of one key set; times on the monotonic clock. `failure` is the last fetch's, if it failed."""

    keys: tuple[Key, ...] = ()
    fetched_at: float = -inf
    renewed_at: float = -inf
    failure: Unavailability | None = None
    failures: int = 0
    retry_at: float = -inf


class KeySets:
    """The `KeySource` of OIDC issuers."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def current(self, owner: str) -> tuple[Key, ...]:
        """The keys under an address, fetched if need be. Raises `KeysUnavailable`."""
        kept, now = self._of(owner), self._clock.monotonic()
        if now >= kept.fetched_at + FRESH and now >= kept.retry_at:
            self._refetch(owner, kept)
        if kept.failure is not None and now >= kept.fetched_at + STALE:
            raise KeysUnavailable(kept.failure)
        return kept.keys

    def renewed(self, owner: str) -> tuple[Key, ...] | None:
        """The keys under an address as they are now; None where they were fetched a moment ago."""
        kept, now = self._of(owner), self._clock.monotonic()
        if now < kept.fetched_at + JUST_FETCHED:
            return None
        if now >= kept.renewed_at + RENEWED_EVERY and now >= kept.retry_at:
            kept.renewed_at = now
            self._refetch(owner, kept)
            if kept.failure is None:
                return kept.keys
        if kept.failure is not None:
            raise KeysUnavailable(kept.failure)
        return None

    def _of(self, address: str) -> _Kept:
        kept = self._kept.pop(address, None) or _Kept()
        if len(self._kept) >= MAX_ENTRIES:
            # One without keys first, else the one not used for longest: a set outlives its issuer's outage here alone.
            without = (each for each, its in self._kept.items() if not its.keys)
            self._kept.pop(next(without, None) or next(iter(self._kept)))
        self._kept[address] = kept
        return kept

    def _refetch(self, address: str, kept: _Kept) -> None:
        try:
            kept.keys = parse(self._fetch(address))
        except KeysUnavailable as error:
            kept.failure = error.reason
        except NotAKeySet:
            kept.failure = "jwks_malformed"
        else:
            kept.failure, kept.failures = None, 0
            kept.fetched_at = self._clock.monotonic()
            return
        kept.retry_at = self._clock.monotonic() + PAUSES[min(kept.failures, len(PAUSES) - 1)]
        kept.failures += 1
