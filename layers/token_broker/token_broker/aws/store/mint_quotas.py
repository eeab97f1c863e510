"""Count the mints that callers request, in one item for each merchant and minute."""

from token_broker.aws.store import records
from token_broker.aws.store.items import ProviderItems, StorePart
from token_broker.aws.store.table import ConditionFailed, update
from token_broker.domain.mint_quota import MINUTE, allowed_mints, next_mint_at
from token_broker.errors import RateLimited


class DynamoMintQuotas(StorePart):
    """Count in one conditional update. Without a limit, count nothing."""

    def __init__(self, items: ProviderItems, limit: int | None) -> None:
        super().__init__(items)
        self._limit = limit
        #: Until when this process knows that a merchant's mints are refused (Unix seconds).
        self._refused_until: dict[str, int] = {}

    def check(self, merchant: str) -> None:
        """Look into the memory of the process."""
        left = self._refused_until.get(merchant, 0) - self._items.clock.now()
        if left > 0:
            raise RateLimited(left)

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
            self._refused_until[merchant] = until
            raise RateLimited(until - now) from None
