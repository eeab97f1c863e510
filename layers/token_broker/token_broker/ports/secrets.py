"""What the product needs from the store of secrets."""

from collections.abc import Mapping
from typing import Any, Protocol


class Secrets(Protocol):
    """Merchants' secrets."""

    def read(self, merchant: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """The secret's JSON object. Raises `MerchantNotFound`, `MerchantMisconfigured`, `StorageUnavailable`."""
        ...
