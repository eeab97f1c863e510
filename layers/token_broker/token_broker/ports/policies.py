"""What the product needs from the store of trust policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPolicy:
    """A merchant's policy as it lies in the store: `document` is None once it was deleted."""

    document: Mapping[str, Any] | None
    revision: int
    changed_by: str = ""


class PolicyStore(Protocol):
    """Where policies are kept. Raises `StorageUnavailable` where the storage fails."""

    def read(self, merchant: str) -> StoredPolicy | None:
        """The policy, read consistently; None where there never was one."""
        ...

    def replace(self, merchant: str, policy: StoredPolicy, *, expected: int) -> bool:
        """Write it, unless something has changed since the revision that was `expected` (0: none); whether it was."""
        ...
