"""Shop-wide current tokens in a warm function's memory, for at most 30 s: the only tokens that live there.

Beside them, for a few seconds, what kept a storefront from getting one: anybody can ask for a shop's token again and
again, and a provider that refuses the merchant's credentials must not be asked each time.
"""

from collections.abc import Callable
from copy import copy

from token_broker.clock import Clock
from token_broker.domain.token import Token
from token_broker.errors import BrokerError, MerchantMisconfigured, MerchantNotFound, ProviderFailure

#: Every rule about overlap and compromise counts on this bound (seconds).
TTL_SECONDS = 30.0
MAX_ENTRIES = 1024
#: Seconds for which a failure is answered again without another try.
FAILURE_TTL_SECONDS = 10.0


class TokenCache:
    """A bounded map from merchant to the token read or minted a moment ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Token]] = {}
        self._failed: dict[str, tuple[float, BrokerError]] = {}

    def get(self, merchant: str) -> Token | None:
        """The token, if it was put here within the last 30 s."""
        kept = self._kept.get(merchant)
        if kept is None or self._clock.monotonic() >= kept[0]:
            return None
        return kept[1]

    def put(self, merchant: str, token: Token, *, read_at: float) -> None:
        """Keep what was read at that moment of the monotonic clock, not at the moment of keeping it."""
        self._kept.pop(merchant, None)
        if len(self._kept) >= MAX_ENTRIES:
            self._kept.pop(next(iter(self._kept)))  # the one kept longest
        self._kept[merchant] = (read_at + TTL_SECONDS, token)

    def drop(self, merchant: str) -> None:
        """The token is not current any more."""
        self._kept.pop(merchant, None)

    def get_unless_failed_recently(self, merchant: str, get: Callable[[], Token]) -> Token:
        """What `get` gives, or the failure that it ended with a few seconds ago."""
        failed = self._failed.get(merchant)
        if failed is not None and self._clock.monotonic() < failed[0]:
            raise copy(failed[1])
        self._failed.pop(merchant, None)
        try:
            return get()
        except (MerchantNotFound, MerchantMisconfigured, ProviderFailure) as failure:
            if len(self._failed) >= MAX_ENTRIES:
                self._failed.pop(next(iter(self._failed)))
            # A copy: this one will hold on to the frames, and the event, of the call that it ends.
            self._failed[merchant] = (self._clock.monotonic() + FAILURE_TTL_SECONDS, copy(failure))
            raise
