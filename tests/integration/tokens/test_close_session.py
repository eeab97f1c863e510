"""A placed order ends its session: by the API, by a direct call, by a message; also while somebody mints."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from tests.fakes.events import queue_event
from tests.fakes.proofs import SECRET
from tests.fakes.trust_policies import SHOP, hs256, policy, sessions
from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import CHICKSX, CLOSE, HttpResponse
from tests.integration.support.gateway import Gateway
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import aws_error, refusing

SESSION = "session-456def"  # of the sample events
ORDER = {"merchant": MERCHANT, "sessionId": SESSION, "orderId": "order-1001"}
ENTRY_POINTS = ("api", "direct", "queue")
IDS = ["a b", "a#b", "a/b", "a+b", "100%", "100%25", "?x=1", "é", "日本語", "🛒", "..", ";"]


def close(stack: Stack, entry_point: str, session_id: str = SESSION) -> Any:
    """Close the session with the same order through the entry point."""
    worker = stack.worker(CLOSE)
    if entry_point == "api":
        answer = worker.api(path={"sessionId": quote(session_id, safe="")})
        assert answer.status == 200, answer.body
        return answer.body
    order = {**ORDER, "sessionId": session_id}
    if entry_point == "direct":
        return worker.invoke(order)
    assert worker.invoke(queue_event(order)) == {"batchItemFailures": []}
    return None


def ask(stack: Stack, session_id: str = SESSION) -> HttpResponse:
    return stack.worker(CHICKSX).api(body={"sessionId": session_id})


def check_closed(answer: HttpResponse) -> None:
    assert (answer.status, answer.code) == (410, "session_closed")
    assert answer.body["detail"] == "This session has expired. Restart the checkout from your platform."
    assert answer.body["retryable"] is False
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.retry_after is None


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_closed_session_gets_no_token_and_the_provider_is_not_asked(entry_point: str, stack: Stack) -> None:
    close(stack, entry_point)

    check_closed(ask(stack))

    assert stack.asked(CHICKSX) == []


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_session_with_a_token_is_closed_through_every_entry_point(entry_point: str, stack: Stack) -> None:
    assert ask(stack).status == 201

    close(stack, entry_point)

    check_closed(ask(stack))
    with pytest.raises(Exception, match="session_closed"):
        stack.worker(CHICKSX).invoke({"merchant": MERCHANT, "sessionId": SESSION})
    assert stack.mints("chicksx") == 1


def test_a_storefront_with_a_proof_of_the_session_is_told_the_same(stack: Stack) -> None:
    stack.trust(policy(sessions=sessions(hs256())))
    stack.proof_keys(k1=SECRET)
    claims = {"iss": SHOP, "aud": "token-broker", "sid": SESSION, "exp": int(stack.clock.now()) + 300}
    proof = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": "k1"})
    gateway = Gateway(stack)
    assert gateway.session(proof, SESSION).status == 201

    close(stack, "queue")

    refused = gateway.session(proof, SESSION)
    check_closed(refused)
    assert refused.headers["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("session_id", IDS)
def test_it_is_the_same_session_by_whatever_name_it_has(session_id: str, entry_point: str, stack: Stack) -> None:
    """In a path it is percent-encoded, elsewhere it stands as it is."""
    close(stack, entry_point, session_id)

    check_closed(ask(stack, session_id))
    assert [item["pk"] for item in stack.items()] == [f"chicksx#{MERCHANT}#session:{session_id}"]


def test_the_answer_says_since_when_and_by_which_order_and_repeats_itself(stack: Stack) -> None:
    first = close(stack, "api")
    stack.clock.offset += 100

    assert {**first, "closedAt": 0} == {"sessionId": SESSION, "closed": True, "closedAt": 0, "orderId": "order-1001"}
    assert close(stack, "api") == close(stack, "direct") == first


def test_a_second_order_is_noticed_and_changes_nothing(stack: Stack) -> None:
    first = close(stack, "direct")

    again = stack.worker(CLOSE).invoke({**ORDER, "orderId": "order-2002"})

    assert again == first
    (line,) = [line for line in stack.worker(CLOSE).log if "session_closed_by_another_order" in line]
    assert json.loads(line)["level"] == "WARNING"
    assert "order-" not in line


@pytest.mark.parametrize("merchant", [MERCHANT, "nobody"])
def test_one_call_to_dynamodb_a_second_look_if_repeated_and_none_for_the_secret(merchant: str, stack: Stack) -> None:
    """Nor is there a need for a merchant who has one."""
    stack.remove_secret("chicksx", ForceDeleteWithoutRecovery=True)
    order = {**ORDER, "merchant": merchant}

    with counted(stack.dynamodb, stack.secretsmanager) as calls:
        stack.worker(CLOSE).api(path={"merchant": merchant})
        stack.worker(CLOSE).invoke(order)
        stack.worker(CLOSE).invoke(queue_event(order, order))

    assert calls == ["TransactWriteItems", *["TransactWriteItems", "GetItem"] * 3]
    assert stack.asked(CLOSE) == []


def test_with_a_living_token_it_is_one_call_too(stack: Stack) -> None:
    ask(stack)
    stack.worker(CLOSE)

    with counted(stack.dynamodb, stack.secretsmanager) as calls:
        close(stack, "api")

    assert calls == ["TransactWriteItems"]


# While somebody mints


@contextmanager
def before(stack: Stack, operation: str, entry_point: str) -> Iterator[None]:
    """Close the session just before that call to DynamoDB."""
    events, name = stack.dynamodb.meta.events, f"before-call.dynamodb.{operation}"
    stack.worker(CLOSE)

    def strike(**_: Any) -> None:
        events.unregister(name, strike)
        close(stack, entry_point)

    events.register(name, strike)
    yield


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_session_that_closes_while_the_provider_is_asked_gives_no_token(entry_point: str, stack: Stack) -> None:
    with before(stack, "TransactWriteItems", entry_point):
        check_closed(ask(stack))

    assert stack.mints("chicksx") == 1
    (item,) = stack.items()
    assert (item["sk"], "closedAt" in item, "accessToken" in item) == ("subject", True, False)
    check_closed(ask(stack))


def test_a_session_that_closes_between_the_look_and_the_lease_gives_no_token(stack: Stack) -> None:
    with before(stack, "UpdateItem", "direct"):
        check_closed(ask(stack))

    assert stack.asked(CHICKSX) == []


def test_what_was_minted_in_vain_is_noticed(stack: Stack) -> None:
    with before(stack, "TransactWriteItems", "direct"):
        ask(stack)

    (line,) = [line for line in stack.worker(CHICKSX).log if "minted_but_not_stored" in line]
    assert json.loads(line)["code"] == "session_closed"


# Batches


def test_a_poison_message_does_not_hold_up_the_rest(stack: Stack) -> None:
    orders = [{**ORDER, "sessionId": session_id} for session_id in ("s-1", "s-2")]
    batch = queue_event(orders[0], "{", {"merchant": MERCHANT}, orders[1])

    answer = stack.worker(CLOSE).invoke(batch)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-2"}, {"itemIdentifier": "message-3"}]}
    assert sorted(item["pk"] for item in stack.items()) == [f"chicksx#demo#session:s-{number}" for number in (1, 2)]


def test_a_batch_that_dynamodb_refuses_is_all_reported_and_done_at_the_next_try(stack: Stack) -> None:
    batch = queue_event(ORDER, {**ORDER, "sessionId": "s-2"})
    with refusing(stack.dynamodb, "TransactWriteItems", error=lambda: aws_error("InternalServerError")):
        answer = stack.worker(CLOSE).invoke(batch)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["message-1", "message-2"]
    assert stack.items() == []

    assert stack.worker(CLOSE).invoke(batch) == {"batchItemFailures": []}

    assert len(stack.items()) == 2


def test_a_caller_is_told_when_dynamodb_refuses(stack: Stack) -> None:
    with refusing(stack.dynamodb, "TransactWriteItems", error=lambda: aws_error("InternalServerError")):
        answer = stack.worker(CLOSE).api()

    assert (answer.status, answer.code, answer.retry_after) == (503, "storage_unavailable", "1")


def test_a_closing_that_happened_though_its_answer_was_lost_is_found_by_the_next_try(stack: Stack) -> None:
    with refusing(stack.dynamodb, "TransactWriteItems", acted=True, times=1):
        assert stack.worker(CLOSE).api().status == 503
    (before,) = stack.items()

    assert close(stack, "queue") is None

    assert stack.items() == [before]


def test_the_log_has_neither_session_nor_order(stack: Stack) -> None:
    """They are the shop's and the shopper's; the message's own id leads to both."""
    batch = queue_event({**ORDER, "sessionId": "s-canary", "orderId": "o-canary"}, '{"canary": ')
    stack.worker(CLOSE).invoke(batch)
    stack.worker(CLOSE).api(path={"sessionId": "s-canary"}, body={"orderId": "o-canary"})

    log = "\n".join(stack.worker(CLOSE).log)
    assert "canary" not in log
    assert {"message-1", "message-2"} <= {json.loads(line)["correlation_id"] for line in stack.worker(CLOSE).log}


# What is not right


@pytest.mark.parametrize(
    "changes",
    [
        {"path": {"sessionId": "%20"}},
        {"path": {"sessionId": "%00"}},
        {"path": {"sessionId": "%FF"}},
        {"path": {"sessionId": "s" * 257}},
        {"path": {"merchant": "%64emo"}},
        {"body": {"orderId": True}},
        {"body": {"orderId": None}},
        {"body": {"orderId": ""}},
        {"body": {"orderId": "o" * 257}},
        {"body": {"sessionId": "another"}},
        {"body": {"merchant": "another"}},
        {"body": {"reason": "returned"}},
        {"body": ["order-1001"]},
        {"raw_body": "orderId=order-1001"},
        {"query": {"orderId": "order-1001"}},
    ],
)
def test_a_bad_request_closes_nothing(changes: dict[str, Any], stack: Stack) -> None:
    answer = stack.worker(CLOSE).api(**changes)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert stack.items() == []


def test_a_body_is_not_needed(stack: Stack) -> None:
    answer = stack.worker(CLOSE).api(raw_body="")

    assert answer.status == 200
    assert "orderId" not in answer.body


def test_an_unsigned_request_closes_nothing(stack: Stack) -> None:
    answer = stack.worker(CLOSE).api(identity={"sourceIp": "192.0.2.1", "userArn": None, "accessKey": None})

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert stack.items() == []


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_stack_without_the_providers_address_closes_sessions(
    entry_point: str, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is placed, whoever is asked no more: its message must not end among the dead letters."""
    monkeypatch.setenv("CHICKSX_BASE_URL", "")

    close(stack, entry_point)

    (closed,) = [item for item in stack.items() if item["sk"] == "subject"]
    assert closed["orderId"] == ORDER["orderId"]
    check_closed(ask(stack))
    assert ask(stack, "another-session").code == "provider_not_configured"
