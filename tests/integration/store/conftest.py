"""The store's tests run on every engine: what asks for `bench` on each table, all other tests also in memory."""

from typing import Any

import pytest

from tests.integration.support.store_harness import MemoryStores, StoreBench, Stores
from token_broker.ports.store import Store


@pytest.fixture
def bench(every_engine: str, dynamodb: Any, table_name: str) -> StoreBench:
    """Return an empty table, for what only a table has: items, conditions, calls and their failures."""
    del every_engine
    return StoreBench(dynamodb=dynamodb, table_name=table_name)


@pytest.fixture
def stores(every_engine: str, request: pytest.FixtureRequest) -> Stores:
    """Return empty stores of any engine, for what the ports promise."""
    if every_engine == "memory":
        return MemoryStores()
    bench: Stores = request.getfixturevalue("bench")
    return bench


@pytest.fixture
def store(stores: Stores) -> Store:
    """Return a store of a provider with shop-wide tokens."""
    return stores.store()


@pytest.fixture
def sessions(stores: Stores) -> Stores:
    """Return the stores of the provider with checkout sessions."""
    return stores.of("chicksx")
