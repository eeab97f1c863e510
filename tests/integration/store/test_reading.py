"""The broker's random name, made once, and reading what does not fit into one page."""

from collections.abc import Callable
from threading import Barrier, Lock, Thread
from typing import Any

import pytest

from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import (
    MERCHANT,
    SESSION,
    SESSION_PARTITION,
    StoreBench,
    session_token,
    shop_token,
)
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.records import token_attributes
from token_broker.aws.store.table import Table
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.token import State


def test_the_broker_id_is_made_once_and_kept(bench: StoreBench) -> None:
    first = bench.store().tokens.broker_id()

    assert bench.store("fourthwall").tokens.broker_id() == first
    assert bench.items() == [{"pk": "broker", "sk": "id", "brokerId": first}]
    assert len(first) == 8


def test_who_comes_second_takes_the_first_ones_id(bench: StoreBench) -> None:
    """Both read that there is none; the one that writes later takes what stands there."""
    late = _LateReader(bench, first=bench.store().tokens.broker_id)

    store = DynamoStore(Table(lambda: late, bench.table_name), provider="shopify", clock=bench.clock)

    assert store.tokens.broker_id() == bench.store().tokens.broker_id()


class _LateReader:
    """A client whose first read is overtaken by somebody's write."""

    def __init__(self, bench: StoreBench, first: Callable[[], str]) -> None:
        self._client = bench.dynamodb
        self._first = first

    def get_item(self, **arguments: Any) -> Any:
        answer = self._client.get_item(**arguments)
        self._first()
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_ten_processes_at_once_agree_on_one_id(bench: StoreBench) -> None:
    at_once, one_by_one = Barrier(10), Lock()
    ids: list[str] = []

    class Client:  # moto itself is not safe against threads
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                with one_by_one:
                    return getattr(bench.dynamodb, name)(**arguments)

            return call

    client = Client()

    def ask() -> None:
        store = DynamoStore(Table(lambda: client, bench.table_name), provider="shopify", clock=bench.clock)
        at_once.wait()
        ids.append(store.tokens.broker_id())

    threads = [Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 10
    assert len(set(ids)) == 1


def test_an_id_whose_writes_answer_was_lost_is_its_own(bench: StoreBench) -> None:
    with answer_lost(bench.dynamodb, "PutItem") as lost:
        made = bench.store().tokens.broker_id()

    assert lost.struck == 1
    assert bench.items() == [{"pk": "broker", "sk": "id", "brokerId": made}]


@pytest.fixture
def pages(bench: StoreBench) -> list[int]:
    """How many items each page of a query had."""
    counts: list[int] = []

    def count(parsed: Any, **_: Any) -> None:
        counts.append(parsed["Count"])

    bench.dynamodb.meta.events.register("after-call.dynamodb.Query", count)
    return counts


def _store_large(bench: StoreBench, partition: str, number: int, **changes: Any) -> None:
    """Store records of some 30 KB each, so that forty of them exceed one page of 1 MB."""
    for index in range(number):
        make = session_token if partition == SESSION_PARTITION else shop_token
        token = make(f"{1000 + index}", provider_data={"padding": "x" * 30_000}, **changes)
        key = {"pk": partition, "sk": f"token#{token.token_id}"}
        bench.dynamodb.put_item(TableName=bench.table_name, Item=wrap_all({**key, **token_attributes(token)}))


def test_all_records_are_read_however_many_pages_they_fill(bench: StoreBench, pages: list[int]) -> None:
    _store_large(bench, "shopify#acme", 40, state=State.STANDING)

    tokens = bench.store().tokens.all(MERCHANT)

    assert [token.token_id for token in tokens] == [str(1000 + index) for index in range(40)]
    assert len(pages) > 1


def test_a_sessions_last_page_counts_too(bench: StoreBench, pages: list[int]) -> None:
    _store_large(bench, SESSION_PARTITION, 40)
    ends = int(bench.clock.now()) + 9000
    token = session_token("zz-last", expires_at=ends)
    key = {"pk": SESSION_PARTITION, "sk": "token#zz-last"}
    bench.dynamodb.put_item(TableName=bench.table_name, Item=wrap_all({**key, **token_attributes(token)}))

    served = bench.store("chicksx").leases.state(MERCHANT, SESSION).token

    assert served is not None
    assert (served.token_id, served.expires_at) == ("zz-last", ends)
    assert len(pages) > 1


def test_a_session_whose_name_begins_like_another_is_another(bench: StoreBench) -> None:
    bench.issue(bench.store("chicksx"), session_token())

    assert bench.store("chicksx").leases.state(MERCHANT, "session:s-").token is None
    assert bench.store("chicksx").leases.state(MERCHANT, "session:s-10").token is None
