"""Expiring credentials under random interleavings, faults and clocks, over the store in memory."""

from typing import Any

from tests.fakes.store import MemoryStore
from tests.lifecycle.bounds import search
from tests.lifecycle.pair_machine import MERCHANT, Pairs
from token_broker.ports.store import Store


class InMemory(Pairs):
    def _new_store(self) -> Store:
        self.memory = MemoryStore(self.clock)
        return self.memory

    def _item(self) -> Any:
        pairs = self.memory.pairs
        return pairs.items.get(MERCHANT), pairs.owners.get(MERCHANT)

    def _put_item(self, item: Any) -> None:
        parts: list[dict[str, Any]] = [self.memory.pairs.items, self.memory.pairs.owners]
        for kept, value in zip(parts, item, strict=True):
            kept.pop(MERCHANT, None)
            if value is not None:
                kept[MERCHANT] = value


TestPairs = InMemory.TestCase
TestPairs.settings = search(examples=200, long=8_000)
