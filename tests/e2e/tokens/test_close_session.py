"""Placed orders on the deployed stack: by the API, a direct call, a message, an event; and none gets past one."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until
from token_broker_client import Token, TokenBroker, errors
from token_broker_client.models import ClosedSession

DAY = 24 * 60 * 60
#: Seconds within which a caller must have its answer.
PATIENCE = 20
WAYS = ("API", "direct", "message", "event")


@dataclass(frozen=True)
class Sessions:
    """One merchant's sessions, and the ways to close them."""

    stack: Stack
    broker: TokenBroker
    direct: TokenBroker
    aws: Aws
    table: TokenTable
    merchant: str

    def ask(self, session_id: str) -> Token:
        return self.broker.merchant(self.merchant).chicksx.token(session_id)

    def by_api(self, session_id: str) -> ClosedSession:
        return self.broker.merchant(self.merchant).chicksx.close_session(session_id, order_id="order-1")

    def order(self, session_id: str, **more: object) -> dict[str, object]:
        return {"merchant": self.merchant, "sessionId": session_id, **more}

    def send(self, *bodies: object) -> list[str]:
        """Send messages at once, as JSON unless they are text, and return their ids."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        entries = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(texts)]
        sent = self.aws("sqs").send_message_batch(QueueUrl=self.stack.described["orderQueueUrl"], Entries=entries)
        assert not sent.get("Failed")
        return [each["MessageId"] for each in sent["Successful"]]

    def put(self, detail: object, **entry: str) -> None:
        """Put an event on the stack's bus."""
        usual = {
            "EventBusName": self.stack.described["eventBus"],
            "Source": "shop.orders",
            "DetailType": "OrderPlaced",
            "Detail": json.dumps(detail),
        }
        assert self.aws("events").put_events(Entries=[{**usual, **entry}])["FailedEntryCount"] == 0

    def close(self, way: str, session_id: str) -> None:
        """Close the session, and wait until it is done."""
        order = self.order(session_id, orderId="order-1")
        match way:
            case "API":
                self.by_api(session_id)
            case "direct":
                self.direct.merchant(self.merchant).chicksx.close_session(session_id, order_id="order-1")
            case "message":
                self.send(order)
            case "event":
                self.put({**order, "total": "59.00", "lines": [{"sku": "mug", "count": 2}]})
        wait_until(lambda: self.closed(session_id), f"the session is closed by {way}")

    def state(self, session_id: str) -> dict[str, Any]:
        """Return the session's own item."""
        return self.table.partition(f"chicksx#{self.merchant}#session:{session_id}").get("subject", {})

    def closed(self, session_id: str) -> bool:
        return "closedAt" in self.state(session_id)

    def check_closed(self, session_id: str) -> None:
        with pytest.raises(errors.SessionClosed, match="Restart the checkout from your platform"):
            self.ask(session_id)


@pytest.fixture
def sessions(
    stack: Stack, broker: TokenBroker, direct: TokenBroker, aws: Aws, table: TokenTable, merchants: Merchants
) -> Sessions:
    return Sessions(stack, broker, direct, aws, table, merchants.chicksx().name)


@pytest.mark.parametrize("way", WAYS)
def test_a_session_with_a_token_gets_it_no_more(sessions: Sessions, control: ControlClient, way: str) -> None:
    token = sessions.ask("s")

    sessions.close(way, "s")

    control.forget_requests()
    sessions.check_closed("s")
    assert control.requests() == []
    assert sessions.state("s")["orderId"] == "order-1"
    ends = sessions.state("s")["expiresAt"]
    assert ends == (token.expires_at or 0) + 30 * DAY, "closed outlives the token by the retention"


@pytest.mark.parametrize("session_id", ["a b#/+?x=1", "a/../b", "100%25", "日本語 🛒"])
def test_the_gateway_passes_an_id_on_as_it_is_meant(sessions: Sessions, session_id: str) -> None:
    assert sessions.by_api(session_id).session_id == session_id

    sessions.check_closed(session_id)


@pytest.mark.parametrize("way", WAYS)
def test_who_mints_or_waits_when_the_order_is_placed_gets_no_token(
    sessions: Sessions, control: ControlClient, way: str
) -> None:
    control.fault("chicksx", "act_then_hang", seconds=4)
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(sessions.ask, "s") for _ in range(3)]
        wait_until(lambda: control.requests("chicksx") != [], "ChicksX is asked")
        sessions.close(way, "s")
        assert not all(each.done() for each in asking), "it was closed too late to show anything"
        for each in asking:
            with pytest.raises(errors.SessionClosed):
                each.result(PATIENCE)

    [made] = control.state()["chicksx"][sessions.merchant]["tokens"]
    kept = sessions.table.merchant("chicksx", sessions.merchant)
    items = {key: item for key, item in kept.items() if not key[1].startswith("mint-quota#")}
    assert list(items) == [(f"chicksx#{sessions.merchant}#session:s", "subject")], "the token is stored nowhere"
    [item] = items.values()
    assert {"owner", "leaseEnd"} & set(item) == set()
    assert made["fingerprint"] not in str(items)
    sessions.check_closed("s")


@pytest.mark.parametrize(
    "entry",
    [{"Source": "shop.orders.eu"}, {"DetailType": "OrderCancelled"}, {"EventBusName": "default"}],
)
def test_an_event_of_another_source_kind_or_bus_closes_nothing(sessions: Sessions, entry: dict[str, str]) -> None:
    sessions.put(sessions.order("s"), **entry)

    sessions.close("event", "later")  # one that was put after it is done
    assert not sessions.closed("s")


@dataclass(frozen=True)
class DeadLetters:
    """The dead-letter queue, as far as it is about this test."""

    sqs: Any
    url: str
    about: str

    def take(self) -> list[dict[str, Any]]:
        """Receive and delete the messages that have arrived."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=2)
        own = [each for each in answer.get("Messages", []) if self.about in each["Body"]]
        for each in own:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return own

    def wait_for(self, count: int) -> dict[str, str]:
        """Wait for so many messages and return their bodies by id."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            found.extend(self.take())
            return len(found) >= count

        wait_until(arrived, f"{count} messages are in the dead-letter queue")
        return {each["MessageId"]: each["Body"] for each in found}


@pytest.fixture
def dead_letters(stack: Stack, aws: Aws, sessions: Sessions) -> Iterator[DeadLetters]:
    """Have the order queue deliver a message twice within seconds instead of five times within minutes."""
    sqs, url = aws("sqs"), stack.described["orderQueueUrl"]
    names = ["VisibilityTimeout", "RedrivePolicy"]
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    redrive = json.loads(usual["RedrivePolicy"])
    hurried = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": 2})}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=hurried)
    name = redrive["deadLetterTargetArn"].rpartition(":")[2]
    try:
        yield DeadLetters(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"], sessions.merchant)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)


def test_a_poison_message_does_not_hold_up_the_rest_and_is_kept_as_it_was(
    sessions: Sessions, dead_letters: DeadLetters
) -> None:
    """None of the poison is lost, and none of the good ones is done twice or put aside."""
    poison = [
        f"merchant={sessions.merchant}",
        f'{{"merchant": "{sessions.merchant}", "sessionId": ',
        f'[{{"merchant":"{sessions.merchant}","sessionId":"in a list"}}]',
        f'  {{"merchant":"{sessions.merchant}","sessionId":"é\\ud83c","orderId":"half a pair"}}  ',
    ]
    good = {f"s-{number}": f"order-{number}" for number in range(6)}
    orders = [sessions.order(session_id, orderId=order) for session_id, order in good.items()]
    mixed: list[object] = [orders[0], poison[0], orders[1], poison[1], orders[2], poison[2], poison[3], *orders[3:]]

    ids = sessions.send(*mixed)

    wait_until(lambda: all(map(sessions.closed, good)), "all good orders are done")
    kept = dead_letters.wait_for(len(poison))
    assert sorted(kept.values()) == sorted(poison)
    assert set(kept) <= set(ids)
    time.sleep(1.5)
    assert dead_letters.take() == []
    assert {session_id: sessions.state(session_id)["orderId"] for session_id in good} == good


def test_a_message_that_failed_only_for_a_while_is_done_at_its_next_try(
    sessions: Sessions, dead_letters: DeadLetters, aws: Aws
) -> None:
    """The function may not write for a moment, and the message comes again."""
    iam, deny = aws("iam"), {"Effect": "Deny", "Action": "dynamodb:UpdateItem", "Resource": "*"}
    function = sessions.stack.described["functions"]["chicksx/close_session"]
    role = aws("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="e2e-outage", PolicyDocument=document)
    try:
        with pytest.raises(errors.StorageUnavailable):
            sessions.by_api("by-api")
        sessions.send(sessions.order("s"))
        time.sleep(0.7)
        assert not sessions.closed("s")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="e2e-outage")

    wait_until(lambda: sessions.closed("s"), "the message's second try")
    assert dead_letters.take() == []
    assert sessions.by_api("by-api").closed
