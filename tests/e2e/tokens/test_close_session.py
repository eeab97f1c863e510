"""Placed orders on the deployed stack: by the API, a direct call, a message, an event; and none gets past one."""

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox.local_aws.function_logs import messages
from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.recorded_aws_calls import CallsSince
from tests.e2e.support.responses import problem_of, raised_problem, token_of
from tests.e2e.support.routes import CHICKSX, CHICKSX_CLOSE
from tests.e2e.support.signing import sign
from tests.e2e.support.storefronts import Shops, refused_by_function, session, session_token
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

DAY = 24 * 60 * 60
#: Seconds within which a message or an event must have had its effect.
PATIENCE = 20
IDS = ["a b", "a#b", "a/b", "100%25", "a+b", "é", "日本語", "🛒", "?x=1"]


@dataclass(frozen=True)
class Sessions:
    """One merchant's sessions, and the ways to close them."""

    stack: Stack
    aws: Aws
    table: TokenTable
    merchant: str

    def ask(self, session_id: str) -> requests.Response:
        return self.stack.call("POST", CHICKSX.format(merchant=self.merchant), {"sessionId": session_id})

    def by_api(self, session_id: str, order_id: str | None = "order-1") -> requests.Response:
        path = CHICKSX_CLOSE.format(merchant=self.merchant, sessionId=quote(session_id, safe=""))
        return self.stack.call("POST", path, None if order_id is None else {"orderId": order_id})

    def order(self, session_id: str, **more: object) -> dict[str, object]:
        return {"merchant": self.merchant, "sessionId": session_id, **more}

    def send(self, *bodies: object) -> list[str]:
        """Messages at once, JSON unless they are text; their ids."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        entries = [{"Id": str(number), "MessageBody": text} for number, text in enumerate(texts)]
        sent = self.aws("sqs").send_message_batch(QueueUrl=self.stack.described["orderQueueUrl"], Entries=entries)
        assert not sent.get("Failed")
        return [each["MessageId"] for each in sorted(sent["Successful"], key=lambda each: each["Id"])]

    def put(self, detail: object, *, source: str = "shop.orders", kind: str = "OrderPlaced") -> None:
        """Put an event on the stack's bus."""
        bus = self.stack.described["eventBus"]
        entry = {"EventBusName": bus, "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
        assert self.aws("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def state(self, session_id: str) -> dict[str, Any] | None:
        """Return the session's own item."""
        return self.table.partition(f"chicksx#{self.merchant}#session:{session_id}").get("subject")

    def closed(self, session_id: str) -> bool:
        return "closedAt" in (self.state(session_id) or {})

    def check_closed(self, session_id: str) -> None:
        problem = problem_of(self.ask(session_id), 410, "session_closed")
        assert problem["detail"] == "This session has expired. Restart the checkout from your platform."
        assert "Retry-After" not in problem


@pytest.fixture
def sessions(stack: Stack, aws: Aws, table: TokenTable, merchants: Merchants) -> Sessions:
    return Sessions(stack, aws, table, merchants.chicksx().name)


def close(sessions: Sessions, way: str, session_id: str) -> None:
    """And wait until it is done."""
    order = sessions.order(session_id, orderId="order-1")
    match way:
        case "API":
            assert sessions.by_api(session_id).status_code == 200
        case "direct":
            answer, error = sessions.stack.invoke("chicksx/close_session", order)
            assert error is None, answer
        case "message":
            sessions.send(order)
        case "event":
            sessions.put({**order, "total": "59.00", "lines": [{"sku": "mug", "count": 2}]})
    wait_until(lambda: sessions.closed(session_id), f"the session is closed by {way}")


WAYS = ("API", "direct", "message", "event")


# ------------------------------------------------------------------------------------------------- each way to close


@pytest.mark.parametrize("way", WAYS)
def test_a_session_with_a_token_gets_it_no_more(sessions: Sessions, control: ControlClient, way: str) -> None:
    token = token_of(sessions.ask("s"), 201)

    close(sessions, way, "s")

    control.forget_requests()
    sessions.check_closed("s")
    assert control.requests() == []
    state = sessions.state("s")
    assert state is not None
    assert state["orderId"] == "order-1"
    assert state["expiresAt"] == token["expiresAt"] + 30 * DAY, "closed outlives the token by the retention"


@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_nobody_has_seen_never_begins(sessions: Sessions, control: ControlClient, way: str) -> None:
    close(sessions, way, "s")

    sessions.check_closed("s")
    assert control.requests() == []
    state = sessions.state("s")
    assert state is not None
    assert state["expiresAt"] == state["closedAt"] + 30 * DAY
    assert token_of(sessions.ask("another"), 201)


def test_the_response_is_the_same_each_time_and_through_each_entry_point(sessions: Sessions, stack: Stack) -> None:
    first = sessions.by_api("s")
    assert first.status_code == 200
    assert (first.headers["Content-Type"], first.headers["Cache-Control"]) == ("application/json", "no-store")
    shown = first.json()
    assert shown == {"sessionId": "s", "closed": True, "closedAt": shown["closedAt"], "orderId": "order-1"}

    time.sleep(1.1)
    assert sessions.by_api("s").json() == shown
    assert sessions.by_api("s", "order-2").json() == shown, "the first order stays"
    assert sessions.by_api("s", None).json() == shown
    assert stack.invoke("chicksx/close_session", sessions.order("s", orderId="order-3")) == (shown, None)


@pytest.mark.parametrize("session_id", IDS)
def test_an_id_is_the_same_in_a_path_a_body_and_an_event(sessions: Sessions, session_id: str) -> None:
    assert sessions.by_api(session_id).json()["sessionId"] == session_id

    sessions.check_closed(session_id)
    assert sessions.closed(session_id)


def test_a_closing_costs_one_call_to_dynamodb_and_none_for_the_secret(
    sessions: Sessions, calls_to_aws: CallsSince
) -> None:
    token_of(sessions.ask("s"), 201)
    sessions.by_api("warm")
    calls_to_aws()

    sessions.by_api("s")

    assert calls_to_aws() == ["TransactWriteItems"]


def test_a_merchant_without_a_secret_has_closed_sessions_too(sessions: Sessions, merchants: Merchants) -> None:
    gone = Sessions(sessions.stack, sessions.aws, sessions.table, merchants.nobody())

    assert gone.by_api("s").status_code == 200

    assert gone.closed("s")


def test_a_principal_that_is_held_to_a_merchant_closes_its_sessions_only(
    sessions: Sessions, merchants: Merchants
) -> None:
    other = merchants.chicksx().name
    with iam_user(sessions.aws("iam"), [may_call(sessions.stack, sessions.merchant)]) as (_, credentials):

        def status(merchant: str, session_id: str) -> int:
            """Of a call whose path goes out as it is written here."""
            path = CHICKSX_CLOSE.format(merchant=merchant, sessionId=session_id)
            return (
                sign(sessions.stack, "POST", path, b"{}", credentials=credentials).send("POST", path, b"{}").status_code
            )

        assert status(sessions.merchant, "a%2F..%2Fb") == 200
        assert status(other, "s") == 403
        for crooked in (f"{sessions.merchant}%2F..%2F{other}", f"%73{other[1:]}", f"%73{sessions.merchant[1:]}"):
            assert status(crooked, "s") in (400, 403)

    assert sessions.closed("a/../b")
    assert not sessions.closed("s")
    assert sessions.table.merchant("chicksx", other) == {}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}])
def test_nobody_closes_without_a_signature(sessions: Sessions, headers: dict[str, str]) -> None:
    path = CHICKSX_CLOSE.format(merchant=sessions.merchant, sessionId="s")

    response = sessions.stack.call("POST", path, headers=headers, signed=False)

    assert response.status_code in (401, 403)
    assert not sessions.closed("s")


def test_a_direct_call_that_lacks_the_session_says_so(sessions: Sessions) -> None:
    answer, error = sessions.stack.invoke("chicksx/close_session", {"merchant": sessions.merchant})

    assert error == "InvalidRequest"
    assert "'sessionId' must be given" in raised_problem(answer, 400, "invalid_request")["detail"]


# -------------------------------------------------------------------------------------------------------- storefronts


def test_a_closed_session_is_closed_for_the_storefront_as_well(
    stack: Stack, aws: Aws, table: TokenTable, shops: Shops
) -> None:
    shop = shops.open()
    sessions = Sessions(stack, aws, table, shop.name)
    proof, body = shop.proof("s"), {"sessionId": "s"}
    session_token(session(stack, shop, proof, body, origin=shop.origin), 201, shop.origin)

    close(sessions, "event", "s")

    problem = refused_by_function(
        session(stack, shop, proof, body, origin=shop.origin), 410, "session_closed", shop.origin
    )
    assert "Restart the checkout" in problem["detail"]
    refused_by_function(session(stack, shop, proof, body), 410, "session_closed")


def test_a_storefront_has_no_route_to_close_by(stack: Stack, sessions: Sessions, shops: Shops) -> None:
    shop = shops.open()
    path = CHICKSX_CLOSE.format(merchant=shop.name, sessionId="s").replace("/merchants/", "/storefront/")
    headers = {"Authorization": f"Bearer {shop.proof('s')}", "Origin": shop.origin}

    response = stack.call("POST", path, {}, headers=headers, signed=False)

    assert response.status_code in (401, 403)
    assert sessions.table.merchant("chicksx", shop.name) == {}


# ------------------------------------------------------------------------------------------------- while one is minting


def seen(control: ControlClient) -> bool:
    return control.requests("chicksx") != []


@pytest.mark.parametrize("way", WAYS)
def test_who_is_minting_when_the_order_is_placed_gets_no_token(
    sessions: Sessions, control: ControlClient, way: str
) -> None:
    control.fault("chicksx", "act_then_hang", seconds=4)
    with ThreadPoolExecutor(1) as pool:
        minting = pool.submit(sessions.ask, "s")
        wait_until(lambda: seen(control), "ChicksX is asked")
        close(sessions, way, "s")
        assert not minting.done(), "it was closed too late to show anything"
        problem_of(minting.result(PATIENCE), 410, "session_closed")

    [made] = control.state()["chicksx"][sessions.merchant]["tokens"]
    items = sessions.table.merchant("chicksx", sessions.merchant)
    assert list(items) == [(f"chicksx#{sessions.merchant}#session:s", "subject")], "the token is stored nowhere"
    [item] = items.values()
    assert {"owner", "leaseEnd"} & set(item) == set()
    assert made["fingerprint"] not in str(items)
    sessions.check_closed("s")
    assert len(control.state()["chicksx"][sessions.merchant]["tokens"]) == 1


def test_who_waits_for_anothers_mint_is_told_that_it_is_over(sessions: Sessions, control: ControlClient) -> None:
    control.fault("chicksx", "act_then_hang", seconds=4)
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(sessions.ask, "s") for _ in range(3)]
        wait_until(lambda: seen(control), "ChicksX is asked")
        sessions.by_api("s")
        for each in asking:
            problem_of(each.result(PATIENCE), 410, "session_closed")

    assert len(control.requests("chicksx")) == 1


def test_whoever_asks_after_the_answer_gets_nothing_however_many_ask(sessions: Sessions) -> None:
    """Eight callers ask for the same session again and again while it is closed."""
    closed: list[float] = []

    def caller(_number: int) -> list[tuple[float, int]]:
        answers = []
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            began = time.monotonic()
            answers.append((began, sessions.ask("s").status_code))
            if answers[-1][1] == 410:
                break
        return answers

    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(caller, number) for number in range(8)]
        time.sleep(1)
        assert sessions.by_api("s").status_code == 200
        closed.append(time.monotonic())
        answers = [answer for each in callers for answer in each.result(2 * PATIENCE)]

    assert {status for began, status in answers if began > closed[0]} <= {410}
    assert {status for _, status in answers} <= {200, 201, 410, 503}
    assert len([status for _, status in answers if status == 410]) == 8, "each caller was told in the end"
    assert len([status for _, status in answers if status == 201]) <= 1


# ------------------------------------------------------------------------------------------------------------- events


@pytest.fixture
def dead_letters(stack: Stack, aws: Aws, sessions: Sessions) -> Iterator["DeadLetters"]:
    with hurried(stack, aws, sessions) as found:
        yield found


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


@contextmanager
def hurried(stack: Stack, aws: Aws, sessions: Sessions) -> Iterator[DeadLetters]:
    """Configure the order queue to deliver a message twice within seconds instead of five times within minutes."""
    sqs, url = aws("sqs"), stack.described["orderQueueUrl"]
    names = ["VisibilityTimeout", "RedrivePolicy"]
    usual = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    redrive = json.loads(usual["RedrivePolicy"])
    sqs.set_queue_attributes(
        QueueUrl=url,
        Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": 2})},
    )
    name = redrive["deadLetterTargetArn"].rpartition(":")[2]
    try:
        yield DeadLetters(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"], sessions.merchant)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)


def test_an_event_twice_closes_once(sessions: Sessions) -> None:
    """EventBridge delivers at least once."""
    close(sessions, "event", "s")
    state = sessions.state("s")

    sessions.put(sessions.order("s", orderId="order-1"))
    sessions.put(sessions.order("s", orderId="order-2"))
    close(sessions, "event", "later")

    assert sessions.state("s") == state


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("shop.returns", "OrderPlaced"),
        ("shop.orders.eu", "OrderPlaced"),
        ("SHOP.ORDERS", "OrderPlaced"),
        ("shop.orders", "OrderCancelled"),
        ("shop.orders", "orderplaced"),
    ],
)
def test_an_event_of_another_source_or_kind_closes_nothing(sessions: Sessions, source: str, kind: str) -> None:
    sessions.put(sessions.order("s"), source=source, kind=kind)

    close(sessions, "event", "later")  # one that was put after it is done
    assert not sessions.closed("s")
    assert token_of(sessions.ask("s"), 201)


def test_an_event_on_another_bus_closes_nothing(sessions: Sessions, aws: Aws) -> None:
    detail = json.dumps(sessions.order("s"))
    aws("events").put_events(Entries=[{"Source": "shop.orders", "DetailType": "OrderPlaced", "Detail": detail}])

    close(sessions, "event", "later")
    assert not sessions.closed("s")


@pytest.mark.parametrize(
    "lacking",
    [{"merchant": None}, {"sessionId": None}, {"sessionId": 7}, {"merchant": "Not A Merchant"}, {"orderId": ["1"]}],
    ids=["no merchant", "no session", "a session that is a number", "no merchant's name", "a list of orders"],
)
def test_an_event_with_fields_missing_or_wrong_is_kept_for_the_operator(
    sessions: Sessions, dead_letters: DeadLetters, lacking: dict[str, object]
) -> None:
    event = {**sessions.order("s"), "note": sessions.merchant, **lacking}
    event = {name: value for name, value in event.items() if value is not None}

    sessions.put(event)

    [body] = dead_letters.wait_for(1).values()
    assert json.loads(body) == event
    assert not sessions.closed("s")


# ------------------------------------------------------------------------------------------------------------ batches


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
    good = [sessions.order(f"s-{number}", orderId=f"order-{number}") for number in range(6)]
    mixed: list[object] = [good[0], poison[0], good[1], poison[1], good[2], poison[2], poison[3], *good[3:]]

    ids = sessions.send(*mixed)

    wait_until(lambda: all(sessions.closed(f"s-{number}") for number in range(6)), "all good orders are done")
    kept = dead_letters.wait_for(len(poison))
    assert sorted(kept.values()) == sorted(poison)
    assert set(kept) <= set(ids)
    time.sleep(1.5)
    assert dead_letters.take() == []
    assert {number: sessions.state(f"s-{number}")["orderId"] for number in range(6)} == {  # type: ignore[index]
        number: f"order-{number}" for number in range(6)
    }


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
        problem_of(sessions.by_api("by-api"), 503, "storage_unavailable")
        sessions.send(sessions.order("s"))
        time.sleep(0.7)
        assert not sessions.closed("s")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="e2e-outage")

    wait_until(lambda: sessions.closed("s"), "the message's second try")
    assert dead_letters.take() == []
    assert sessions.by_api("by-api").status_code == 200


def test_the_logs_name_messages_by_their_ids_and_nothing_of_what_they_say(
    sessions: Sessions, dead_letters: DeadLetters, aws: Aws
) -> None:
    canary = f"canary-{secrets.token_hex(8)}"
    good, poison = sessions.order(canary, orderId=canary), f'{{"{canary}": "{sessions.merchant}"'

    ids = sessions.send(good, poison)
    wait_until(lambda: sessions.closed(canary), "the good one is done")
    dead_letters.wait_for(1)

    group = f"/aws/lambda/{sessions.stack.described['eventBus']}-ChicksxCloseSession"
    log = "\n".join(messages(aws("logs"), group))
    assert canary not in log
    assert all(message_id in log for message_id in ids)
