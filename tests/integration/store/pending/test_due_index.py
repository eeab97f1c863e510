"""The dispatcher reads pending work from all pages and shards of the index and enqueues one message a merchant."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, ClassVar

import pytest

from tests.fakes.clock import NOW, MovableClock
from tests.fakes.due import due, work_message
from tests.fakes.telemetry import RecordingTelemetry
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.outages import aws_error
from tests.integration.support.store_harness import StoreBench
from token_broker.aws.store import records
from token_broker.aws.store.due_index import DynamoDueIndex
from token_broker.aws.store.outbox_items import REDELIVER_AFTER, key_of, outbox_put
from token_broker.aws.work_queues import SqsWorkQueues, deduplication_id
from token_broker.clock import Deadline
from token_broker.domain.events import session_closed
from token_broker.entrypoints.inputs import PublishEvents, read
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.dispatcher import ITEMS_PER_MESSAGE, Dispatcher
from token_broker.ports.work import OUTBOX, DueItem

NOW_S = int(NOW)


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


# The queue


@pytest.fixture
def sqs(aws: Mapping[str, Any]) -> Any:
    return aws["sqs"]


@pytest.fixture
def queue(sqs: Any) -> Iterator[str]:
    """Create a work queue with the template's relevant attributes."""
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    url = sqs.create_queue(QueueName="work.fifo", Attributes=attributes)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    """All that is in the queue."""
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"]).get(
        "Messages"
    ):
        found += messages
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def dispatcher(bench: StoreBench, sqs: Any, queue: str) -> Dispatcher:
    queues = SqsWorkQueues(lambda: sqs, {"shopify": queue})
    deadline = Deadline.after(MovableClock(), 48)
    return Dispatcher(index_of(bench), queues, bench.clock, RecordingTelemetry(), lambda: 0.0, deadline)


@pytest.mark.usefixtures("small_pages")
def test_every_part_and_page_becomes_one_message_a_merchant(bench: StoreBench, sqs: Any, queue: str) -> None:
    """Five merchants in each of the 16 parts. A page takes one query and one batch, and AWS is asked nothing else."""
    merchants = {name for names in merchants_by_shard(5).values() for name in names}
    for merchant in merchants:
        put_due(bench, merchant)

    with counted(bench.dynamodb, sqs) as asked:
        done = dispatcher(bench, sqs, queue).run()

    messages = [json.loads(message["Body"]) for message in received(sqs, queue)]
    assert (done.items, done.messages, done.refused, done.complete) == (80, 80, 0, True)
    assert sorted(message["merchant"] for message in messages) == sorted(merchants)
    assert {tuple(message["items"]) for message in messages} == {("subject#shop",)}
    assert Counter(asked) == {"Query": 32, "SendMessageBatch": 32}


def test_a_message_names_a_bounded_number_of_items_in_the_group_of_its_merchant_and_provider(
    bench: StoreBench, sqs: Any, queue: str
) -> None:
    for number in range(ITEMS_PER_MESSAGE + 5):
        put_due(bench, "acme", f"token#{number}", ago=number)

    dispatcher(bench, sqs, queue).run()

    (message,) = received(sqs, queue)
    body = json.loads(message["Body"])
    assert (body["provider"], body["merchant"]) == ("shopify", "acme")
    assert (len(body["items"]), body["items"][0]) == (ITEMS_PER_MESSAGE, "token#29")
    assert message["Attributes"]["MessageGroupId"] == "shopify#acme"


def test_a_message_that_waits_already_is_not_sent_again(bench: StoreBench, sqs: Any, queue: str) -> None:
    put_due(bench, "acme", ago=100)
    for _ in range(3):
        dispatcher(bench, sqs, queue).run()

    assert len(received(sqs, queue)) == 1


def test_one_whose_items_were_worked_on_since_is_sent_again(bench: StoreBench, sqs: Any, queue: str) -> None:
    put_due(bench, "acme", ago=100)
    dispatcher(bench, sqs, queue).run()
    put_due(bench, "acme", ago=40)
    dispatcher(bench, sqs, queue).run()

    assert len(received(sqs, queue)) == 2


def test_two_messages_are_the_same_only_with_the_same_items_due_at_the_same_time() -> None:
    works = [
        work_message(due("acme", "token#1"), due("acme", "token#2")),
        work_message(due("acme", "token#1", ago=1), due("acme", "token#2")),
        work_message(due("acme", "token#1")),
        work_message(due("beta", "token#1")),
        work_message(due("acme", "token#12")),
    ]

    assert len({deduplication_id(work) for work in works}) == len(works)
    assert deduplication_id(works[0]) == deduplication_id(work_message(due("acme", "token#1"), due("acme", "token#2")))


def test_entries_that_sqs_refuses_are_counted_out(sqs: Any, queue: str) -> None:
    answer = {"Successful": [{"Id": "1"}], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

    def partly(**_: Any) -> tuple[Any, Any]:
        return _Fine(), answer

    sqs.meta.events.register("before-call.sqs.SendMessageBatch", partly)
    try:
        taken = SqsWorkQueues(lambda: sqs, {"shopify": queue}).send(
            "shopify", [work_message(due()), work_message(due("beta"))]
        )
    finally:
        sqs.meta.events.unregister("before-call.sqs.SendMessageBatch", partly)

    assert taken == 1


class _Fine:
    status_code = 200
    headers: ClassVar[dict[str, str]] = {}
    content = b""


def test_a_queue_that_fails_is_told_without_its_address(sqs: Any, queue: str) -> None:
    def refuse(**_: Any) -> None:
        raise aws_error("AccessDenied")

    sqs.meta.events.register("before-call.sqs.SendMessageBatch", refuse)
    try:
        with pytest.raises(StorageUnavailable) as failure:
            SqsWorkQueues(lambda: sqs, {"shopify": queue}).send("shopify", [work_message(due())])
    finally:
        sqs.meta.events.unregister("before-call.sqs.SendMessageBatch", refuse)

    assert failure.value.causes == ("SQS: AccessDenied",)
    assert failure.value.__suppress_context__


def test_a_provider_without_a_queue_has_no_worker() -> None:
    queues = SqsWorkQueues(lambda: None, {"shopify": "https://sqs.example/1/work.fifo"})

    assert (queues.has("shopify"), queues.has("chicksx")) == (True, False)


def test_a_message_to_the_publisher_names_events_that_its_input_takes(sqs: Any, queue: str) -> None:
    items = tuple(DueItem("chicksx", "acme", f"event#{letter * 26}", NOW_S, outbox=True) for letter in "ab")

    assert SqsWorkQueues(lambda: sqs, {OUTBOX: queue}).send(OUTBOX, [work_message(*items)]) == 1

    (message,) = received(sqs, queue)
    request = read(PublishEvents, json.loads(message["Body"]))
    assert [key_of(name) for name in request.events] == [("outbox#chicksx#acme", item.item) for item in items]
    assert message["Attributes"]["MessageGroupId"] == "chicksx#acme"


def test_events_of_two_providers_are_never_taken_for_the_same_message() -> None:
    works = [
        work_message(DueItem(provider, "acme", "event#a", NOW_S, outbox=True)) for provider in ("chicksx", "shopify")
    ]

    assert len({deduplication_id(work) for work in works}) == 2
