"""Define the store of trust policies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPolicy:
    """Hold a merchant's policy with its revision. `document` is None once the policy was deleted."""

    document: Mapping[str, Any] | None
    revision: int
    changed_by: str = ""


class PolicyStore(Protocol):
    """Store trust policies. Raises `StorageUnavailable` if the storage fails."""

    def read(self, merchant: str) -> StoredPolicy | None:
        """Return the policy, read consistently, or None if there was never one."""
        ...

    def replace(self, merchant: str, policy: StoredPolicy, *, expected: int) -> bool:
        """Store the policy if the revision is still `expected` (0: none is stored). Return whether it was stored."""
        ...
