"""Pending work goes from the table through dispatcher, queue and worker to the provider, and back into the table."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.support.functions import CREATE, CURRENT, DELETE, DISPATCH, MAINTAIN
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import refusing
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.records import due_shard
from token_broker.domain.delays import MAX_PAUSE
from token_broker.tokens.inventory import SETTLED_AFTER

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
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=1, AttributeNames=["All"]
        ).get("Messages"):
            (message,) = messages
            answer = self.stack.worker(MAINTAIN).invoke({"Records": [_record(message)]})
            if answer["batchItemFailures"]:
                failed.append(json.loads(message["Body"])["merchant"])
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return failed

    def due(self) -> list[str]:
        """Return the keys of all pending work, except the daily reconciliation."""
        return sorted({item["sk"] for item in self.stack.items() if "due" in item} - {"reconciliation#shop"})


def _record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work.fifo",
        "awsRegion": "us-east-1",
    }


@pytest.fixture
def clock(stack: Stack, aws: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    sqs = aws["sqs"]
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    queue = sqs.create_queue(QueueName="work.fifo", Attributes=attributes)["QueueUrl"]
    monkeypatch.setenv("WORK_QUEUE_SHOPIFY", queue)
    yield Clock(stack, sqs, queue)
    sqs.delete_queue(QueueUrl=queue)


def shop(stack: Stack, merchant: str = MERCHANT) -> Any:
    return stack.control.state()["shopify"][merchant]


def create(stack: Stack, key: str | None = None) -> Any:
    return stack.worker(CREATE).api(body={"title": "Kiosk"}, headers={"Idempotency-Key": key})


def revoke(stack: Stack, token_id: str) -> Any:
    return stack.worker(DELETE).api(path={"tokenId": token_id}, query={})


def record(stack: Stack, token_id: str) -> dict[str, Any]:
    (found,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    return found


def pending(stack: Stack, *, times: int = 3) -> str:
    """Create a token whose revocation has failed at the provider so many times."""
    token_id = str(create(stack).body["tokenId"])
    stack.control.fault("shopify", "status", method="DELETE", status=503, times=3)
    assert revoke(stack, token_id).body == {"revocation": "pending"}
    if times > 3:
        stack.control.fault("shopify", "status", method="DELETE", status=503, times=times - 3)
    return token_id


def test_nothing_is_due_of_a_stack_that_is_well(stack: Stack, clock: Clock) -> None:
    stack.worker(CURRENT).api()
    create(stack)

    assert stack.worker(DISPATCH).invoke({}) == {"items": 0, "messages": 0, "refused": 0, "complete": True}
    assert clock.due() == []


def test_a_revocation_that_the_provider_refused_is_confirmed_by_the_first_run(stack: Stack, clock: Clock) -> None:
    token_id = pending(stack)

    assert clock.run() == []

    assert record(stack, token_id)["state"] == "revoked"
    assert (shop(stack)["tokens"], clock.due()) == ([], [])


def test_one_that_is_refused_for_long_is_tried_until_it_is_confirmed(
    stack: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    token_id = pending(stack, times=3 + 3 * 5)
    runs = 0
    while record(stack, token_id)["state"] == "revoking":
        clock.run(60)
        runs += 1
        assert runs < 200, "it was dropped"

    assert runs > 5, "the pauses grow"
    assert shop(stack)["tokens"] == []
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OldestRevocationAge" in line]
    ages = [line["OldestRevocationAge"][0] for line in metrics if "_aws" in line]
    assert len(ages) == 5
    assert ages == sorted(ages)


def test_a_merchant_without_a_secret_is_kept_and_done_once_it_is_back(stack: Stack, clock: Clock) -> None:
    token_id = pending(stack)
    stack.remove_secret("shopify", ForceDeleteWithoutRecovery=True)
    stack.cold(MAINTAIN)

    assert clock.run() == []
    assert record(stack, token_id)["tries"] == 1
    assert record(stack, token_id)["dueAt"] > stack.clock.now() + MAX_PAUSE / 2 - 10

    stack.merchant("shopify")
    stack.cold(MAINTAIN)
    clock.run(MAX_PAUSE)
    assert record(stack, token_id)["state"] == "revoked"


def lose(stack: Stack, *, acted: bool) -> None:
    """Lose the response to the next create and fail the search that follows."""
    stack.control.fault("shopify", "act_then_drop" if acted else "drop_before_acting", method="POST")
    stack.control.fault("shopify", "status", method="GET", status=500, times=3)


def mint_current(stack: Stack) -> Any:
    return stack.cold(CURRENT).api()


def mint_with_key(stack: Stack) -> Any:
    return create(stack, "k-1")


@pytest.mark.parametrize("mint", [mint_current, create, mint_with_key])
def test_a_token_whose_answer_was_lost_is_adopted(stack: Stack, clock: Clock, mint: Callable[[Stack], Any]) -> None:
    lose(stack, acted=True)
    assert mint(stack).code == "provider_unavailable"
    assert clock.run() == []
    assert len(clock.due()) == 1, "not before the lease's end"

    clock.run(LEASE + 1)

    (made,) = shop(stack)["tokens"]
    state = "current" if mint is mint_current else "standing"
    adopted = record(stack, str(made["id"]))
    assert (adopted["state"], adopted["fingerprint"]) == (state, made["fingerprint"])
    assert adopted["requestedBy"].startswith("arn:aws:sts::")
    assert clock.due() == []
    if mint is not create:
        assert mint(stack).body["tokenId"] == str(made["id"])
    assert shop(stack)["mints"] == 1


@pytest.mark.parametrize("mint", [mint_current, create, mint_with_key])
def test_an_intent_that_led_to_nothing_is_ended(stack: Stack, clock: Clock, mint: Callable[[Stack], Any]) -> None:
    lose(stack, acted=False)
    assert mint(stack).code == "provider_unavailable"

    clock.run(LEASE + 1)
    assert len(clock.due()) == 1
    clock.run(SETTLED_AFTER)

    assert clock.due() == []
    assert [item for item in stack.items() if "intentId" in item] == []
    assert shop(stack)["mints"] == 0
    assert mint(stack).body["tokenId"]


def test_every_merchant_is_worked_on_and_one_that_fails_holds_up_nobody(stack: Stack, clock: Clock) -> None:
    for merchant in ("one", "two", "three"):
        stack.merchant("shopify", merchant)
        lose(stack, acted=True)
        answer = stack.worker(CREATE).api(
            path={"merchant": merchant}, body={"title": "T"}, headers={"Idempotency-Key": None}
        )
        assert answer.code == "provider_unavailable"
        stack.control.forget_faults()
    stack.secret("shopify", "two", '{"shop": "two.myshopify.com"}')

    assert clock.run(LEASE + 1) == []

    assert [item["pk"] for item in stack.items() if "intentId" in item] == ["shopify#two"]
    assert all(len(shop(stack, merchant)["tokens"]) == 1 for merchant in ("one", "two", "three"))


def test_a_message_is_handed_out_again_where_the_table_fails(stack: Stack, clock: Clock) -> None:
    token_id = pending(stack)
    stack.worker(MAINTAIN)
    stack.worker(DISPATCH)
    with refusing(stack.dynamodb, "UpdateItem", "TransactWriteItems"):
        assert clock.run() == [MERCHANT]
    assert record(stack, token_id)["state"] == "revoking"
    assert shop(stack)["tokens"] == []

    message = {"merchant": MERCHANT, "items": [f"token#{token_id}"]}
    assert stack.worker(MAINTAIN).invoke(message) == {"done": 1, "putOff": 0, "left": 0}
    assert record(stack, token_id)["state"] == "revoked"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        '{"merchant": "demo"}',
        '{"merchant": "demo", "items": []}',
        '{"merchant": "demo", "items": [7]}',
        '{"merchant": "Demo!", "items": ["token#1"]}',
        '{"provider": "chicksx", "merchant": "demo", "items": ["token#1"]}',
        json.dumps({"merchant": "demo", "items": ["token#1"] * 101}),
    ],
)
def test_a_message_that_makes_no_sense_is_put_aside_and_the_others_are_done(
    stack: Stack, clock: Clock, body: str
) -> None:
    token_id = pending(stack)
    good = {"MessageId": "2", "ReceiptHandle": "h", "Attributes": {}}
    good["Body"] = json.dumps({"merchant": MERCHANT, "items": [f"token#{token_id}"]})

    answer = stack.worker(MAINTAIN).invoke(
        {"Records": [_record({**good, "MessageId": "1", "Body": body}), _record(good)]}
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert record(stack, token_id)["state"] == "revoked"


@pytest.mark.parametrize("unknown", ["token", "lamp#1", "token#A/../B", "settings", "x" * 1000])
def test_a_key_that_says_nothing_to_the_worker_keeps_no_other_from_it(stack: Stack, clock: Clock, unknown: str) -> None:
    """A newer or older version's item, or a broken one: it comes back in an hour, and the message is done."""
    token_id = pending(stack)
    pk = f"shopify#{MERCHANT}"
    key = {"pk": {"S": pk}, "sk": {"S": unknown}}
    due = {"due": {"S": due_shard(pk)}, "dueAt": {"N": "1000"}}
    stack.dynamodb.put_item(TableName=stack.table, Item={**key, **due})

    assert clock.run() == []
    assert record(stack, token_id)["state"] == "revoked"
    (left,) = [each for each in stack.items() if each["sk"] == unknown]
    assert left["dueAt"] > stack.clock.now()
    stack.dynamodb.delete_item(TableName=stack.table, Key=key)


def test_a_run_while_the_table_fails_is_a_failed_run(stack: Stack, clock: Clock) -> None:
    worker = stack.worker(DISPATCH)
    with refusing(stack.dynamodb, "Query"), pytest.raises(Exception, match="could not be read") as failure:
        worker.invoke({})

    assert type(failure.value).__name__ == "StorageUnavailable"
