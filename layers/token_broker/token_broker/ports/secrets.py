"""Define the store of merchants' secrets."""

from collections.abc import Mapping
from typing import Any, Protocol


class Secrets(Protocol):
    """Read merchants' secrets."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the secret's JSON object. `fresh` skips the cache.

        Raises `MerchantNotFound`, `MerchantMisconfigured` or `StorageUnavailable`.
        """
