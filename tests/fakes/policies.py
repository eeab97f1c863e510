"""Where trust policies are kept, in memory."""

from collections.abc import Callable

from token_broker.domain.revision import StoredPolicy


class MemoryPolicyStore:
    """The `PolicyStore` port."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredPolicy] = {}
        self.reads: list[str] = []
        self.writes: list[tuple[str, StoredPolicy]] = []
        #: What every read fails with, while it is set.
        self.failure: Exception | None = None
        self._others: list[Callable[[], object]] = []

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Have others come between a reading and its writing: each action goes before one of the next writes."""
        self._others.append(action)

    def read(self, merchant: str) -> StoredPolicy | None:
        self.reads.append(merchant)
        if self.failure is not None:
            raise self.failure
        return self.stored.get(merchant)

    def replace(self, merchant: str, policy: StoredPolicy, *, expected: int) -> bool:
        if self._others:
            self._others.pop(0)()
        self.writes.append((merchant, policy))
        stands = self.stored.get(merchant)
        if (0 if stands is None else stands.revision) != expected:
            return False
        self.stored[merchant] = policy
        return True
