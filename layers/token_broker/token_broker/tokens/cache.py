"""Cache shop-wide current tokens in a warm function's memory for at most 30 s. No other tokens are cached.

Failures are cached for a few seconds. Anybody can request a shop's token again and again, and a provider that rejects
the merchant's credentials must not get a request each time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from token_broker.bounded_cache import BoundedCache
from token_broker.clock import Clock
from token_broker.domain.token import Token
from token_broker.errors import BrokerError, MerchantMisconfigured, MerchantNotFound, ProviderFailure

#: In seconds. Every rule about overlaps and compromised tokens relies on this bound.
TTL_SECONDS = 30.0
#: Seconds for which a failure is raised again without another request.
FAILURE_TTL_SECONDS = 10.0


class TokenCache:
    """Cache each merchant's token and failure, with a bound on their number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = BoundedCache[str, Token](clock)
        self._failures = BoundedCache[str, partial[BrokerError]](clock)

    def get(self, merchant: str) -> Token | None:
        """Return the cached token, or None if there is none or it is older than 30 s."""
        return self._tokens.get(merchant)

    def put(self, merchant: str, token: Token, *, read_at: float) -> None:
        """Cache a token that was read at `read_at` of the monotonic clock. Its time to live starts there."""
        self._tokens.put(merchant, token, read_at + TTL_SECONDS)

    def drop(self, merchant: str) -> None:
        """Remove a token that is not current any more."""
        self._tokens.drop(merchant)

    def get_unless_failed_recently(self, merchant: str, get: Callable[[], Token]) -> Token:
        """Return the result of `get`, or raise the failure that it ended with a few seconds ago."""
        failed = self._failures.get(merchant)
        if failed is not None:
            raise failed()
        try:
            return get()
        except (MerchantNotFound, MerchantMisconfigured, ProviderFailure) as failure:
            self._failures.put(merchant, _recipe(failure), self._clock.monotonic() + FAILURE_TTL_SECONDS)
            raise


def _recipe(failure: BrokerError) -> partial[BrokerError]:
    """Return the class and the fields, which make the error anew. The error itself keeps its call's event alive."""
    fields: dict[str, Any] = {"retry_after": failure.retry_after}
    if isinstance(failure, ProviderFailure):
        fields |= {"reply": failure.reply, "request_outcome": failure.request_outcome}
    return partial(type(failure), failure.detail, **fields)
