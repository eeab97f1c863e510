"""A dispatcher run that is cut off stores its cursor in the table, and the next run continues there."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.due import MemoryWorkQueues
from tests.fakes.telemetry import RecordingTelemetry
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import StoreBench
from token_broker.aws.store import due_index as due
from token_broker.aws.store import records
from token_broker.aws.store.due_index import CURSOR_KEY, DynamoDispatchCursor, DynamoDueIndex
from token_broker.aws.store.table import Table
from token_broker.clock import Deadline
from token_broker.lifecycle.dispatcher import MIN_SECONDS_LEFT, Dispatcher, DispatchSummary
from token_broker.ports.work import IndexCursor

NOW_S = int(NOW)
KEY = {"due": "due#3", "dueAt": NOW_S - 7, "pk": "shopify#acme", "sk": "token#1"}


@pytest.fixture
def table(bench: StoreBench) -> Table:
    return Table(lambda: bench.dynamodb, bench.table_name)


@pytest.fixture
def cursor(table: Table) -> DynamoDispatchCursor:
    return DynamoDispatchCursor(table)


def stored(bench: StoreBench) -> Mapping[str, Any] | None:
    pk, sk = CURSOR_KEY
    answer = bench.dynamodb.get_item(TableName=bench.table_name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    item: Mapping[str, Any] | None = answer.get("Item")
    return item


def test_there_is_no_place_at_first(cursor: DynamoDispatchCursor) -> None:
    assert cursor.read() == (None, None)


@pytest.mark.parametrize("position", [IndexCursor(3), IndexCursor(3, KEY, NOW_S - 7)])
def test_a_place_is_read_as_it_was_noted(cursor: DynamoDispatchCursor, position: IndexCursor) -> None:
    cursor.save(position, None)
    found, seen = cursor.read()

    assert found == position
    assert seen


def test_a_note_is_overwritten_and_forgotten_by_who_has_seen_it_alone(cursor: DynamoDispatchCursor) -> None:
    cursor.save(IndexCursor(1), None)
    _, first = cursor.read()
    assert first is not None
    cursor.save(IndexCursor(2), first)
    _, second = cursor.read()

    cursor.save(IndexCursor(4), None)
    cursor.save(IndexCursor(5), first)
    cursor.clear(first)
    assert cursor.read() == (IndexCursor(2), second)

    assert second is not None
    cursor.clear(second)
    assert cursor.read() == (None, None)


def test_what_was_forgotten_meanwhile_can_be_noted_and_forgotten_again(cursor: DynamoDispatchCursor) -> None:
    cursor.save(IndexCursor(1), None)
    _, seen = cursor.read()
    assert seen is not None
    cursor.clear(seen)

    cursor.clear(seen)
    cursor.save(IndexCursor(2), seen)

    assert cursor.read()[0] == IndexCursor(2)


@pytest.mark.parametrize(
    "change",
    [
        {"shard": {"S": "3"}},
        {"shard": {"NULL": True}},
        {"after": {"S": "somewhere"}},
        {"after": {"M": {}}},
        {"after": {"M": {"due": {"S": "due#4"}, "dueAt": {"N": "1"}, "pk": {"S": "p"}, "sk": {"S": "s"}}}},
        {"after": {"M": {"due": {"S": "due#3"}, "dueAt": {"S": "1"}, "pk": {"S": "p"}, "sk": {"S": "s"}}}},
    ],
)
def test_a_note_that_makes_no_sense_is_no_place_and_can_be_replaced(
    bench: StoreBench, cursor: DynamoDispatchCursor, change: Mapping[str, Any]
) -> None:
    pk, sk = CURSOR_KEY
    item = {"pk": {"S": pk}, "sk": {"S": sk}, "shard": {"N": "3"}, "note": {"S": "n"}, **change}
    bench.dynamodb.put_item(TableName=bench.table_name, Item=item)

    assert cursor.read() == (None, "n")
    cursor.save(IndexCursor(1), "n")
    assert cursor.read()[0] == IndexCursor(1)


# Whole runs


class Runs:
    """Runs of which each has time for so many batches."""

    def __init__(self, bench: StoreBench, table: Table) -> None:
        self.bench = bench
        self.table = table
        self.queues = MemoryWorkQueues()
        self.clock = MovableClock()

    def run(self, batches: float = 1000) -> DispatchSummary:
        self.queues.took = lambda: self.clock.advance(1)
        index, cursor = DynamoDueIndex(self.table), DynamoDispatchCursor(self.table)
        deadline = Deadline.after(self.clock, MIN_SECONDS_LEFT + batches)
        clock, telemetry = self.bench.clock, RecordingTelemetry()
        return Dispatcher(index, self.queues, cursor, clock, telemetry, lambda: 0.0, deadline).run()

    @property
    def sent(self) -> list[str]:
        return [work.merchant for work in self.queues.sent]


@pytest.fixture
def runs(bench: StoreBench, table: Table) -> Runs:
    return Runs(bench, table)


def put_merchants(bench: StoreBench, number: int, at: Callable[[int], int] = lambda each: NOW_S - each) -> list[str]:
    """So many merchants, one due item each, all over the index."""
    names = [f"m-{each}" for each in range(number)]
    puts = []
    for each, name in enumerate(names):
        pk = f"shopify#{name}"
        key = {"pk": {"S": pk}, "sk": {"S": "subject#shop"}}
        due_then = {"due": {"S": records.due_shard(pk)}, "dueAt": {"N": str(at(each))}}
        puts.append({"PutRequest": {"Item": {**key, **due_then}}})
    for some in itertools.batched(puts, 25, strict=False):
        bench.dynamodb.batch_write_item(RequestItems={bench.table_name: list(some)})
    return names


@pytest.mark.parametrize("at", [lambda each: NOW_S - each, lambda _: NOW_S - 1], ids=["one by one", "all at once"])
def test_runs_that_are_cut_off_get_to_everybody_once(
    bench: StoreBench, runs: Runs, monkeypatch: pytest.MonkeyPatch, at: Callable[[int], int]
) -> None:
    """Within parts and between them; also where the time when they are due does not tell entries apart."""
    monkeypatch.setattr(due, "PAGE", 15)
    names = put_merchants(bench, 400, at)

    for _ in itertools.takewhile(lambda _: len(runs.sent) < len(names), range(100)):
        assert not runs.run(batches=3).complete
    assert sorted(runs.sent[: len(names)]) == sorted(names)

    assert stored(bench) is not None
    assert runs.run().complete
    assert stored(bench) is None


def test_the_entry_where_a_run_was_cut_off_may_be_gone_by_the_next(bench: StoreBench, runs: Runs) -> None:
    """Its work is done, which is what it was sent for."""
    names = put_merchants(bench, 60)
    runs.run(batches=1)
    (last,) = runs.queues.sent[-1].items
    bench.dynamodb.delete_item(
        TableName=bench.table_name, Key={"pk": {"S": f"shopify#{last.merchant}"}, "sk": {"S": last.item}}
    )

    assert runs.run().complete
    assert set(runs.sent) == set(names)


def test_the_calls_to_aws_grow_with_the_number_of_merchants(
    bench: StoreBench, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one merchant more a tenth of a query and of a batch of messages, beside what an idle run costs."""
    monkeypatch.setattr(due, "PAGE", 10)
    calls: dict[int, int] = {}
    for number in (0, 320, 640):
        put_merchants(bench, number)
        with counted(bench.dynamodb) as asked:
            runs.queues.calls.clear()
            runs.run()
        calls[number] = len(asked) + len(runs.queues.calls)

    assert calls[0] == 1 + 16
    for number in (320, 640):
        assert calls[number] - calls[0] <= 2 * (number / 10 + 16), "in each part the last page and batch may be short"
