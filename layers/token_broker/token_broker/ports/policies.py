"""Define the store of trust policies."""

from typing import Protocol

from token_broker.domain.revision import StoredPolicy


class PolicyStore(Protocol):
    """Store trust policies. Raises `StorageUnavailable` if the storage fails."""

    def read(self, merchant: str) -> StoredPolicy | None:
        """Return the policy, read consistently, or None if there was never one."""
        ...

    def replace(self, merchant: str, policy: StoredPolicy, *, expected: int) -> bool:
        """Store the policy if the revision is still `expected` (0: none is stored). Return whether it was stored."""
        ...
