"""Documents with a revision, in memory."""

from collections.abc import Callable, Mapping
from typing import Any

from token_broker.ports.documents import Revisioned, StoredPolicy


class MemoryDocuments[T]:
    """The `Documents` port."""

    def __init__(self) -> None:
        self.stored: dict[str, Revisioned[T]] = {}
        self.reads: list[str] = []
        self.writes: list[tuple[str, Revisioned[T]]] = []
        #: What every read fails with, while it is set.
        self.failure: Exception | None = None
        self._others: list[Callable[[], object]] = []

    def meanwhile(self, action: Callable[[], object]) -> None:
        """Have others come between a reading and its writing: each action goes before one of the next writes."""
        self._others.append(action)

    def read(self, merchant: str) -> Revisioned[T]:
        self.reads.append(merchant)
        if self.failure is not None:
            raise self.failure
        return self.stored.get(merchant, Revisioned())

    def replace(self, merchant: str, new: Revisioned[T], *, expected: int) -> bool:
        if self._others:
            self._others.pop(0)()
        self.writes.append((merchant, new))
        if self.stored.get(merchant, Revisioned()).revision != expected:
            return False
        self.stored[merchant] = new
        return True


class MemoryPolicies(MemoryDocuments[Any]):
    """The ports of trust policies and of preview origins."""

    def __init__(self) -> None:
        super().__init__()
        #: By merchant, the preview origins with their ends, and the id of their last change.
        self.previews: dict[str, tuple[Mapping[str, int], str]] = {}

    def read_all(self, merchant: str) -> StoredPolicy:
        return StoredPolicy(self.read(merchant).document, *self.previews.get(merchant, ({}, "")))

    def replace_previews(self, merchant: str, ends: Mapping[str, int], *, expected: str) -> bool:
        if self._others:
            self._others.pop(0)()
        if (
            self.stored.get(merchant, Revisioned()).document is None
            or self.read_all(merchant).preview_change != expected
        ):
            return False
        self.previews[merchant] = dict(ends), f"{expected}x"
        return True
