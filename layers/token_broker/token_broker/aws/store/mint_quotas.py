"""Count the mints that callers request, in one item for each merchant and minute."""

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems, StorePart
from token_broker.aws.store.table import ConditionFailed, update
from token_broker.bounded_cache import BoundedCache
from token_broker.domain.mint_quota import MINUTE, allowed_mints, next_mint_at
from token_broker.errors import RateLimited


class DynamoMintQuotas(StorePart):
    """Count in one conditional update. Without a limit, count nothing."""

    def __init__(self, items: ProviderItems, limit: int | None) -> None:
        super().__init__(items)
        self._limit = limit
        #: Until when this process knows that a merchant's mints are refused (Unix seconds).
        self._refused_until = BoundedCache[str, int](items.clock)

    def check(self, merchant: str) -> None:
        """Look into the memory of the process."""
        until = self._refused_until.get(merchant)
        if until is not None:
            raise RateLimited(max(1, until - self._items.clock.now()))

    def take(self, merchant: str) -> None:
        """Add one to the minute's item, unless it has as many mints as are allowed by now."""
        if self._limit is None:
            return
        now = self._items.clock.now()
        second = int(now) % MINUTE
        minute, allowed = int(now) - second, allowed_mints(self._limit, second)
        # The clocks of two functions can differ by seconds, so the item outlives its minute.
        values = {":one": 1, ":allowed": allowed, ":until": minute + 2 * MINUTE}
        key = self._items.shop_key(merchant, f"{records.MINT_QUOTA}{minute}")
        condition = "attribute_not_exists(mints) OR mints < :allowed"
        try:
            self._table.write(update(key, "SET expiresAt = :until ADD mints :one", condition, values))
        except ConditionFailed as failure:
            mints = (failure.found or {}).get("mints", allowed)
            until = minute + next_mint_at(self._limit, mints)
            left = until - now
            self._refused_until.put(merchant, until, self._items.clock.monotonic() + left)
            raise RateLimited(left) from None
