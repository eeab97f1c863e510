"""The broker's random id, made once, and reading what does not fit into one page."""

from collections.abc import Iterator
from threading import Barrier, Lock, Thread
from typing import Any

import pytest

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import (
    MERCHANT,
    NOW_S,
    SESSION_PARTITION,
    SHOP_PARTITION,
    StoreBench,
    Stores,
    session_token,
    shop_token,
)
from token_broker.aws.store.records import token_attributes
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.token import State, Token


def test_the_broker_id_is_made_once_and_kept(stores: Stores) -> None:
    first = stores.store().tokens.broker_id()

    assert [stores.store(each).tokens.broker_id() for each in ("shopify", "fourthwall")] == [first, first]
    assert len(first) == 8


def test_a_process_asks_for_it_once(bench: StoreBench) -> None:
    tokens = bench.store().tokens

    with counted(bench.dynamodb) as calls:
        assert tokens.broker_id() == tokens.broker_id()

    assert calls == ["GetItem", "PutItem"]


def test_ten_processes_at_once_agree_on_one_id(bench: StoreBench) -> None:
    """All of them have read that there is none before the first one writes."""
    all_have_read, one_by_one = Barrier(10, timeout=30), Lock()
    ids: list[str] = []

    class Client:  # moto itself is not safe against threads
        def __getattr__(self, name: str) -> Any:
            def call(**arguments: Any) -> Any:
                with one_by_one:
                    answer = getattr(bench.dynamodb, name)(**arguments)
                if name == "get_item":
                    all_have_read.wait()
                return answer

            return call

    def ask() -> None:
        store = DynamoStore(bench.table(Client()), provider="shopify", clock=bench.clock)
        ids.append(store.tokens.broker_id())

    threads = [Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ids == [bench.store().tokens.broker_id()] * 10
    assert bench.items() == [{"pk": "broker", "sk": "id", "brokerId": ids[0]}]


@pytest.fixture
def pages(bench: StoreBench) -> Iterator[list[int]]:
    """How many items each page of a query had."""
    counts: list[int] = []

    def count(parsed: Any, **_: Any) -> None:
        counts.append(parsed["Count"])

    bench.dynamodb.meta.events.register("after-call.dynamodb.Query", count)
    yield counts
    bench.dynamodb.meta.events.unregister("after-call.dynamodb.Query", count)


def put(bench: StoreBench, partition: str, *tokens: Token) -> None:
    for token in tokens:
        bench.put({"pk": partition, "sk": f"token#{token.token_id}", **token_attributes(token)})


#: Some 30 KB each, so that forty of them exceed one page of 1 MB.
LARGE: dict[str, Any] = {"provider_data": {"padding": "x" * 30_000}}
IDS = [str(1000 + index) for index in range(40)]


def test_all_records_are_read_however_many_pages_they_fill(bench: StoreBench, pages: list[int]) -> None:
    put(bench, SHOP_PARTITION, *(shop_token(each, state=State.STANDING, **LARGE) for each in IDS))

    tokens = bench.store().tokens.all(MERCHANT)

    assert [token.token_id for token in tokens] == IDS
    assert len(pages) > 1


def test_a_sessions_last_page_counts_too(bench: StoreBench, pages: list[int]) -> None:
    put(bench, SESSION_PARTITION, *(session_token(each, **LARGE) for each in IDS))
    put(bench, SESSION_PARTITION, session_token("zz-last", expires_at=NOW_S + 9000))

    assert bench.of("chicksx").served() == "zz-last"
    assert len(pages) > 1
