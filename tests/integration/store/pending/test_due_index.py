"""The dispatcher reads pending work from all pages and shards of the index."""

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.fakes.due import MemoryWorkQueues
from tests.fakes.telemetry import RecordingTelemetry
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import NOW_S, StoreBench
from token_broker.aws.store import records
from token_broker.aws.store.due_index import DynamoDueIndex
from token_broker.aws.store.outbox_items import REDELIVER_AFTER, outbox_put
from token_broker.clock import Deadline
from token_broker.domain.events import session_closed
from token_broker.lifecycle.dispatcher import Dispatcher
from token_broker.ports.work import OUTBOX, DueItem


def put_due(bench: StoreBench, merchant: str, item: str = "subject#shop", *, ago: int = 0) -> None:
    """One item that is due since so many seconds."""
    pk = f"shopify#{merchant}"
    bench.put({"pk": pk, "sk": item, "due": records.due_shard(pk), "dueAt": NOW_S - ago})


def index_of(bench: StoreBench) -> DynamoDueIndex:
    return DynamoDueIndex(bench.table())


def page_of(bench: StoreBench, pk: str = "shopify#acme", shard: int | None = None) -> list[DueItem]:
    """Return the only page of a partition's part of the index."""
    number = int(records.due_shard(pk).removeprefix("due#")) if shard is None else shard
    (page,) = index_of(bench).pages(number, NOW_S)
    return page


@pytest.fixture
def small_pages(bench: StoreBench) -> Iterator[list[int]]:
    """Pages of three entries, for a megabyte of keys is a lot; one entry for each query that was made."""
    queries: list[int] = []

    def limit(params: dict[str, Any], **_: Any) -> None:
        if params.get("IndexName") == "due":
            params["Limit"] = 3
            queries.append(1)

    event = "provide-client-params.dynamodb.Query"
    bench.dynamodb.meta.events.register(event, limit)
    yield queries
    bench.dynamodb.meta.events.unregister(event, limit)


def merchants_by_shard(each: int = 1) -> dict[str, list[str]]:
    """So many merchants for every part of the index."""
    found: dict[str, list[str]] = {f"due#{shard}": [] for shard in range(records.DUE_SHARDS)}
    for number in count():
        merchant = f"m-{number}"
        shard = found[records.due_shard(f"shopify#{merchant}")]
        if len(shard) < each:
            shard.append(merchant)
        if all(len(names) == each for names in found.values()):
            return found
    raise AssertionError


def test_each_part_has_its_own_merchants(bench: StoreBench) -> None:
    merchants = merchants_by_shard()
    for names in merchants.values():
        put_due(bench, names[0])

    index = index_of(bench)
    found = {
        f"due#{shard}": [item.merchant for page in index.pages(shard, NOW_S) for item in page]
        for shard in range(index.shards)
    }

    assert found == merchants


def test_a_part_is_read_page_by_page_oldest_first_when_it_is_asked_for(
    bench: StoreBench, small_pages: list[int]
) -> None:
    for number in range(7):
        put_due(bench, "acme", f"token#{number}", ago=number)
    put_due(bench, "acme", "token#99", ago=-1)
    shard = int(records.due_shard("shopify#acme").removeprefix("due#"))
    pages = index_of(bench).pages(shard, NOW_S)

    first = next(pages)
    assert len(small_pages) == 1

    rest = [[item.item for item in page] for page in pages]
    assert [item.item for item in first] == ["token#6", "token#5", "token#4"]
    assert rest == [["token#3", "token#2", "token#1"], ["token#0"]]
    assert len(small_pages) == 3, "one query a page"


def test_an_entry_says_whose_it_is_and_since_when_also_of_a_session(bench: StoreBench) -> None:
    bench.put({"pk": "chicksx#acme#session:a#b", "sk": "subject", "due": "due#3", "dueAt": NOW_S - 5})

    assert page_of(bench, shard=3) == [DueItem("chicksx", "acme", "subject", NOW_S - 5)]


def test_an_undelivered_event_is_told_from_its_providers_items(bench: StoreBench) -> None:
    event = session_closed("chicksx", "acme", "s-1", order_id=None, closed_at=NOW_S - REDELIVER_AFTER)
    (pk, sk), attributes = outbox_put(event)
    bench.put({"pk": pk, "sk": sk, **attributes})

    (item,) = page_of(bench, pk)

    assert item == DueItem("chicksx", "acme", f"event#{event.event_id}", NOW_S, outbox=True)
    assert item.worker == OUTBOX


@pytest.mark.parametrize("pk", ["outbox#", "outbox#chicksx", "outbox", "broker", "chicksx#"])
def test_an_entry_of_no_known_kind_holds_up_no_other(bench: StoreBench, pk: str) -> None:
    for key in (pk, "shopify#acme"):
        bench.put({"pk": key, "sk": "x", "due": "due#3", "dueAt": NOW_S})

    assert ("shopify", "acme") in {(item.provider, item.merchant) for item in page_of(bench, shard=3)}


@pytest.mark.usefixtures("small_pages")
def test_every_part_and_page_becomes_one_message_a_merchant(bench: StoreBench) -> None:
    """Five merchants in each of the 16 parts. A page takes one query and one batch, and the table is asked no more."""
    merchants = {name for names in merchants_by_shard(5).values() for name in names}
    for merchant in merchants:
        put_due(bench, merchant)
    queues, deadline = MemoryWorkQueues(), Deadline.after(bench.clock, 48)

    with counted(bench.dynamodb) as asked:
        done = Dispatcher(index_of(bench), queues, bench.clock, RecordingTelemetry(), lambda: 0.0, deadline).run()

    assert (done.items, done.messages, done.refused, done.complete) == (80, 80, 0, True)
    assert sorted(work.merchant for work in queues.sent) == sorted(merchants)
    assert {tuple(item.item for item in work.items) for work in queues.sent} == {("subject#shop",)}
    assert (Counter(asked), len(queues.calls)) == ({"Query": 32}, 32)
