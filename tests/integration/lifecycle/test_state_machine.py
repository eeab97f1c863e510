"""The lifecycle's rules hold under random interleavings, faults and clocks, over the real store."""

from typing import Any

from hypothesis.stateful import run_state_machine_as_test

from tests.fakes.clock import MovableClock
from tests.integration.conftest import empty
from tests.integration.support.store_harness import StoreBench
from tests.lifecycle.bounds import search
from tests.lifecycle.ledger import Ledger
from tests.lifecycle.machine import MERCHANTS, SHOP_LIKE, Lifecycle
from token_broker.aws.store.attributes import unwrap_all
from token_broker.aws.store.outbox_items import PREFIX, event_of
from token_broker.aws.store.records import token_of
from token_broker.aws.store.table import Table
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.events import Event
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import Token
from token_broker.ports.store import Store


class WholeTable:
    """All items, read again once something was written."""

    def __init__(self, bench: StoreBench) -> None:
        self._bench = bench
        self._seen: list[dict[str, Any]] | None = None

    def forget(self, model: Any, **_: Any) -> None:
        """Before each call to the table."""
        if model.name not in {"Scan", "GetItem", "Query"}:
            self._seen = None

    def items(self) -> list[dict[str, Any]]:
        if self._seen is None:
            found = self._bench.dynamodb.scan(TableName=self._bench.table_name, ConsistentRead=True)["Items"]
            self._seen = sorted(map(unwrap_all, found), key=lambda item: (item["pk"], item["sk"]))
        return self._seen


class TableLedger:
    """What stands in the table for one provider."""

    def __init__(self, table: WholeTable, provider: str, clock: MovableClock, store: DynamoStore) -> None:
        self._table, self._provider, self._clock, self._store = table, provider, clock, store

    def _own(self) -> list[dict[str, Any]]:
        return [item for item in self._table.items() if item["pk"].startswith(f"{self._provider}#")]

    def records(self) -> list[Token]:
        return [token_of(item) for item in self._own() if item["sk"].startswith("token#")]

    def current(self, merchant: str) -> Token | None:
        keys = f"{self._provider}#{merchant}", "subject#shop"
        found = [item["current"] for item in self._own() if (item["pk"], item["sk"]) == keys and "current" in item]
        return token_of(found[0]) if found else None

    def open_intents(self) -> set[str]:
        return {item["intentId"] for item in self._own() if "intentId" in item}

    def due(self, merchant: str) -> list[str]:
        now, pk = int(self._clock.now()), f"{self._provider}#{merchant}"
        return [item["sk"] for item in self._own() if item["pk"] == pk and item.get("dueAt", now + 1) <= now]

    def rotations(self) -> list[Rotation]:
        if self._provider != SHOP_LIKE or not any(item["sk"] == "rotation#shop" for item in self._own()):
            return []
        return [rotation for merchant in MERCHANTS if (rotation := self._store.rotations.get(merchant)) is not None]

    def told(self) -> list[Event]:
        waiting = [
            event_of(item) for item in self._table.items() if item["pk"].startswith(f"{PREFIX}{self._provider}#")
        ]
        return [event for event in waiting if event is not None]


def test_the_lifecycle_over_the_table(bench: StoreBench) -> None:
    table, events = WholeTable(bench), bench.dynamodb.meta.events

    class OnTable(Lifecycle):
        def _new_store(self, provider: str) -> tuple[Store, Ledger]:
            if provider == SHOP_LIKE:
                empty(bench.dynamodb, bench.table_name)
            store = DynamoStore(Table(lambda: bench.dynamodb, bench.table_name), provider=provider, clock=self.clock)
            return store, TableLedger(table, provider, self.clock, store)

    events.register("before-call.dynamodb", table.forget)
    try:
        run_state_machine_as_test(OnTable, settings=search(examples=8, long=400, steps=15))
    finally:
        events.unregister("before-call.dynamodb", table.forget)
