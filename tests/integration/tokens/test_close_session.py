"""A placed order ends its session, by the API, by a direct call and by a message, under each name of the session."""

import json
from urllib.parse import quote

import pytest

from tests.fakes.events import queue_event
from tests.integration.support.functions import CHICKSX, CLOSE, HttpResponse
from tests.integration.support.in_process_stack import MERCHANT, Stack

SESSION = "session-456def"  # of the sample events
ORDER = {"merchant": MERCHANT, "sessionId": SESSION, "orderId": "order-1001"}
ENTRY_POINTS = ("api", "direct", "queue")
IDS = ["a b", "a#b", "a/b", "a+b", "100%", "100%25", "?x=1", "é", "日本語", "🛒", "..", ";"]


def close(stack: Stack, entry_point: str, session_id: str = SESSION) -> None:
    """Close the session with the same order through the entry point."""
    worker, order = stack.worker(CLOSE), {**ORDER, "sessionId": session_id}
    if entry_point == "api":
        answer = worker.api(path={"sessionId": quote(session_id, safe="")})
        assert answer.status == 200, answer.body
    elif entry_point == "direct":
        worker.invoke(order)
    else:
        assert worker.invoke(queue_event(order)) == {"batchItemFailures": []}


def ask(stack: Stack, session_id: str = SESSION) -> HttpResponse:
    return stack.worker(CHICKSX).api(body={"sessionId": session_id})


def check_closed(answer: HttpResponse) -> None:
    assert (answer.status, answer.code) == (410, "session_closed")
    assert answer.body["detail"] == "This session has expired. Restart the checkout from your platform."
    assert answer.body["retryable"] is False
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.retry_after is None


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("session_id", IDS)
def test_it_is_the_same_session_by_whatever_name_it_has(session_id: str, entry_point: str, stack: Stack) -> None:
    """In a path it is percent-encoded, elsewhere it stands as it is."""
    close(stack, entry_point, session_id)

    check_closed(ask(stack, session_id))
    assert stack.asked(CHICKSX) == []
    assert [item["pk"] for item in stack.items()] == [f"chicksx#{MERCHANT}#session:{session_id}"]


def test_the_log_has_neither_session_nor_order(stack: Stack) -> None:
    """They are the shop's and the shopper's; the message's own id leads to both."""
    order = {**ORDER, "sessionId": "s-canary", "orderId": "o-canary"}
    stack.worker(CLOSE).invoke(queue_event(order, '{"canary": '))
    stack.worker(CLOSE).api(path={"sessionId": "s-canary"}, body={"orderId": "o-canary-2"})

    log = "\n".join(stack.worker(CLOSE).log)
    assert "session_closed_by_another_order" in log
    assert "canary" not in log
    assert {"message-1", "message-2"} <= {json.loads(line)["correlation_id"] for line in stack.worker(CLOSE).log}


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
