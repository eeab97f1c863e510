"""Messages about pending work: what a worker gets, which are the same, and what becomes of those that SQS refuses."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from tests.fakes.due import due, work_message
from tests.integration.support.outages import aws_error, refusing
from token_broker.aws.store.outbox_items import key_of
from token_broker.aws.work_queues import SqsWorkQueues, deduplication_id
from token_broker.entrypoints.inputs import PublishEvents, read
from token_broker.errors import StorageUnavailable
from token_broker.ports.work import OUTBOX, WorkMessage

TWO = due("acme", "token#1"), due("acme", "token#2")
EVENTS = tuple(due("acme", f"event#{letter * 26}", provider="chicksx", outbox=True) for letter in "ab")


class Queue:
    """A work queue with the template's relevant attributes."""

    def __init__(self, sqs: Any) -> None:
        attributes = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
        created = sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true", **attributes})
        self.sqs, self.url = sqs, created["QueueUrl"]
        self.queues = SqsWorkQueues(lambda: sqs, dict.fromkeys(("shopify", OUTBOX), self.url))

    def send(self, *works: WorkMessage) -> int:
        return self.queues.send(works[0].worker, works)

    def received(self) -> list[tuple[str, Any]]:
        """Receive the group and the body of each message."""
        asked = {"QueueUrl": self.url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
        found = []
        while messages := self.sqs.receive_message(**asked).get("Messages"):
            for message in messages:
                found.append((message["Attributes"]["MessageGroupId"], json.loads(message["Body"])))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def queue(aws: Any) -> Iterator[Queue]:
    made = Queue(aws["sqs"])
    yield made
    made.sqs.delete_queue(QueueUrl=made.url)


def test_a_message_names_its_items_in_the_group_of_its_merchant_and_provider(queue: Queue) -> None:
    assert queue.send(work_message(*TWO), work_message(due("beta"))) == 2

    works = [{"provider": "shopify", "merchant": "acme", "items": ["token#1", "token#2"]}]
    works += [{"provider": "shopify", "merchant": "beta", "items": ["subject#shop"]}]
    assert queue.received() == [(f"shopify#{work['merchant']}", work) for work in works]


def test_a_message_that_waits_already_is_not_sent_again_until_its_items_were_worked_on(queue: Queue) -> None:
    for ago in (100, 100, 40):
        assert queue.send(work_message(due(ago=ago))) == 1

    assert len(queue.received()) == 2


def test_two_messages_are_the_same_only_with_the_same_items_due_at_the_same_time() -> None:
    works = [
        work_message(*TWO),
        work_message(due("acme", "token#1", ago=1), TWO[1]),
        work_message(TWO[0]),
        work_message(due("beta", "token#1")),
        work_message(due("acme", "token#12")),
        *(work_message(due(provider=provider, outbox=True)) for provider in ("chicksx", "shopify")),
    ]

    assert len({deduplication_id(work) for work in works}) == len(works)
    assert deduplication_id(works[0]) == deduplication_id(work_message(*TWO))


def test_a_message_to_the_publisher_names_events_that_its_input_takes(queue: Queue) -> None:
    assert queue.send(work_message(*EVENTS)) == 1

    ((group, body),) = queue.received()
    assert [key_of(name) for name in read(PublishEvents, body).events] == [
        ("outbox#chicksx#acme", event.item) for event in EVENTS
    ]
    assert group == "chicksx#acme"


def test_entries_that_sqs_refuses_are_counted_out(queue: Queue) -> None:
    answer = {"Successful": [{"Id": "1"}], "Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

    def partly(**_: Any) -> tuple[AWSResponse, Any]:
        raw = HTTPResponse(BytesIO(json.dumps(answer).encode()), preload_content=False)
        return AWSResponse(queue.url, 200, HTTPHeaders(), raw), answer

    queue.sqs.meta.events.register("before-call.sqs.SendMessageBatch", partly)
    try:
        assert queue.send(work_message(due()), work_message(due("beta"))) == 1
    finally:
        queue.sqs.meta.events.unregister("before-call.sqs.SendMessageBatch", partly)


def test_a_queue_that_fails_is_told_without_its_address(queue: Queue) -> None:
    with (
        refusing(queue.sqs, "SendMessageBatch", error=lambda: aws_error("AccessDenied")),
        pytest.raises(StorageUnavailable) as failure,
    ):
        queue.send(work_message(due()))

    assert failure.value.causes == ("SQS: AccessDenied",)
    assert failure.value.__suppress_context__


def test_a_provider_without_a_queue_has_no_worker(queue: Queue) -> None:
    assert (queue.queues.has("shopify"), queue.queues.has("chicksx")) == (True, False)
