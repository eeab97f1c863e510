"""Pending work goes from the table through dispatcher, queue and worker to the provider, and back into the table."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.events import queue_event
from tests.integration.support.functions import CREATE, DELETE, DISPATCH, MAINTAIN
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import refusing
from token_broker.aws.store.leases import LEASE

pytestmark = pytest.mark.usefixtures("every_engine")


@dataclass
class Clock:
    """EventBridge Scheduler and Lambda's poller: each `run` is one minute's."""

    stack: Stack
    sqs: Any
    queue: str

    def run(self, seconds: float = 0) -> list[str]:
        """Dispatch and process the pending work so many seconds later. Return the merchants whose message failed."""
        self.stack.clock.offset += seconds
        self.stack.worker(DISPATCH).invoke({})
        failed: list[str] = []
        while received := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=1).get("Messages"):
            (message,) = received
            if self.stack.worker(MAINTAIN).invoke(queue_event(message["Body"]))["batchItemFailures"]:
                failed.append(json.loads(message["Body"])["merchant"])
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return failed


@pytest.fixture
def clock(stack: Stack, aws: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    sqs = aws["sqs"]
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    queue = sqs.create_queue(QueueName="work.fifo", Attributes=attributes)["QueueUrl"]
    monkeypatch.setenv("WORK_QUEUE_SHOPIFY", queue)
    yield Clock(stack, sqs, queue)
    sqs.delete_queue(QueueUrl=queue)


def create(stack: Stack, merchant: str = MERCHANT) -> Any:
    return stack.worker(CREATE).api(
        path={"merchant": merchant}, body={"title": "Kiosk"}, headers={"Idempotency-Key": None}
    )


def record(stack: Stack, token_id: str) -> dict[str, Any]:
    (found,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    return found


def at_the_provider(stack: Stack, merchant: str = MERCHANT) -> list[Any]:
    return list(stack.control.state()["shopify"][merchant]["tokens"])


@pytest.fixture
def token_id(stack: Stack) -> str:
    """Create a token whose revocation has failed at the provider."""
    created = str(create(stack).body["tokenId"])
    stack.control.fault("shopify", "status", method="DELETE", status=503, times=3)
    assert stack.worker(DELETE).api(path={"tokenId": created}, query={}).body == {"revocation": "pending"}
    return created


def test_every_merchant_is_worked_on_and_one_that_fails_holds_up_nobody(stack: Stack, clock: Clock) -> None:
    for merchant in ("one", "two", "three"):
        stack.merchant("shopify", merchant)
        stack.control.fault("shopify", "act_then_drop", method="POST")
        stack.control.fault("shopify", "status", method="GET", status=500, times=3)
        assert create(stack, merchant).code == "provider_unavailable"
        stack.control.forget_faults()
    stack.secret("shopify", "two", '{"shop": "two.myshopify.com"}')

    assert clock.run(LEASE + 1) == []

    assert [item["pk"] for item in stack.items() if "intentId" in item] == ["shopify#two"]
    assert all(len(at_the_provider(stack, merchant)) == 1 for merchant in ("one", "two", "three"))


def test_a_message_is_handed_out_again_where_the_table_fails(stack: Stack, clock: Clock, token_id: str) -> None:
    stack.worker(MAINTAIN)
    stack.worker(DISPATCH)
    with refusing(stack.dynamodb, "UpdateItem", "TransactWriteItems"):
        assert clock.run() == [MERCHANT]
    assert record(stack, token_id)["state"] == "revoking"
    assert at_the_provider(stack) == []

    message = {"merchant": MERCHANT, "items": [f"token#{token_id}"]}
    assert stack.worker(MAINTAIN).invoke(message) == {"done": 1, "putOff": 0, "left": 0}
    assert record(stack, token_id)["state"] == "revoked"


@pytest.mark.parametrize(
    "wrong",
    [{"items": []}, {"items": [7]}, {"items": None}, {"items": ["token#1"] * 101}, {"provider": "chicksx"}],
    ids=lambda wrong: str(wrong)[:24],
)
def test_a_message_that_makes_no_sense_is_put_aside_and_the_others_are_done(
    stack: Stack, token_id: str, wrong: dict[str, Any]
) -> None:
    good = {"merchant": MERCHANT, "items": [f"token#{token_id}"]}

    failed = stack.worker(MAINTAIN).invoke(queue_event(good | wrong, good))

    assert failed == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert record(stack, token_id)["state"] == "revoked"
