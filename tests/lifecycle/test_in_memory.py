"""The lifecycle under random interleavings, faults and clocks, over the store in memory."""

from tests.fakes.store import MemoryStore
from tests.lifecycle.bounds import search
from tests.lifecycle.ledger import Ledger, MemoryLedger
from tests.lifecycle.machine import Lifecycle
from token_broker.ports.store import Store


class InMemory(Lifecycle):
    def _new_store(self, provider: str) -> tuple[Store, Ledger]:
        store = MemoryStore(self.clock)
        return store, MemoryLedger(store)


TestLifecycle = InMemory.TestCase
TestLifecycle.settings = search(examples=200, long=8_000)
