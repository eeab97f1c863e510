"""Cache shop-wide current tokens in a warm function's memory for at most 30 s. No other tokens are cached.

Failures are cached for a few seconds. Anybody can request a shop's token again and again, and a provider that rejects
the merchant's credentials must not get a request each time.
"""

from collections.abc import Callable
from copy import copy

from token_broker.clock import Clock
from token_broker.domain.token import Token
from token_broker.errors import BrokerError, MerchantMisconfigured, MerchantNotFound, ProviderFailure

#: In seconds. Every rule about overlaps and compromised tokens relies on this bound.
TTL_SECONDS = 30.0
MAX_ENTRIES = 1024
#: Seconds for which a failure is raised again without another request.
FAILURE_TTL_SECONDS = 10.0


class TokenCache:
    """Cache each merchant's token and failure, with a bound on their number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, Token]] = {}
        self._failures: dict[str, tuple[float, BrokerError]] = {}

    def get(self, merchant: str) -> Token | None:
        """Return the cached token, or None if there is none or it is older than 30 s."""
        entry = self._entries.get(merchant)
        if entry is None or self._clock.monotonic() >= entry[0]:
            return None
        return entry[1]

    def put(self, merchant: str, token: Token, *, read_at: float) -> None:
        """Cache a token that was read at `read_at` of the monotonic clock. Its time to live starts there."""
        self._entries.pop(merchant, None)
        if len(self._entries) >= MAX_ENTRIES:
            self._entries.pop(next(iter(self._entries)))  # the oldest entry
        self._entries[merchant] = (read_at + TTL_SECONDS, token)

    def drop(self, merchant: str) -> None:
        """Remove a token that is not current any more."""
        self._entries.pop(merchant, None)

    def get_unless_failed_recently(self, merchant: str, get: Callable[[], Token]) -> Token:
        """Return the result of `get`, or raise the failure that it ended with a few seconds ago."""
        failed = self._failures.get(merchant)
        if failed is not None and self._clock.monotonic() < failed[0]:
            raise copy(failed[1])
        self._failures.pop(merchant, None)
        try:
            return get()
        except (MerchantNotFound, MerchantMisconfigured, ProviderFailure) as failure:
            if len(self._failures) >= MAX_ENTRIES:
                self._failures.pop(next(iter(self._failures)))
            # The original keeps its call's frames and event alive, a copy does not.
            self._failures[merchant] = (self._clock.monotonic() + FAILURE_TTL_SECONDS, copy(failure))
            raise
