"""SQS batches: each message for itself, whatever becomes of the others; what fails is reported by its id."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.events import Context, message, queue_event
from tests.fakes.telemetry import RecordingTelemetry
from tests.unit.entrypoints.conftest import Bench, Lines
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.api_gateway import BODY_LIMIT
from token_broker.entrypoints.events import EventKind
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import CloseSession, read
from token_broker.entrypoints.sqs import SqsMessage
from token_broker.errors import InvalidRequest, SessionClosed, StorageUnavailable

CANARY = "sk_live_canary"
ORDER = {"merchant": "acme", "sessionId": "s-1", "orderId": "order-1"}
#: Bodies that no number of tries makes better.
POISON = {
    "no JSON": "merchant=acme",
    "a list": json.dumps([ORDER]),
    "null": "null",
    "no merchant": '{"sessionId": "s-1"}',
    "a session of null": '{"merchant": "acme", "sessionId": null}',
    "an order that is a list": '{"merchant": "acme", "sessionId": "s-1", "orderId": ["order-1"]}',
    "a session given twice": '{"merchant": "acme", "sessionId": "s-1", "sessionId": "s-2"}',
}


def given(body: Any) -> dict[str, Any]:
    return SqsMessage(message("m-1", body), RecordingTelemetry()).raw_fields(CloseSession)


# One message


def test_a_messages_body_has_the_fields() -> None:
    fields = given(ORDER)

    assert fields == ORDER
    assert read(CloseSession, fields) == CloseSession(merchant="acme", session_id="s-1", order_id="order-1")


def test_members_that_are_for_other_readers_are_passed_over() -> None:
    """An event is a message to many: one more member in it must not keep a session open."""
    event = {**ORDER, "total": "12.00", "lines": [{"sku": "mug"}], "note": "x" * BODY_LIMIT}

    assert given(event) == ORDER


@pytest.mark.parametrize(
    ("more", "named"), [({}, None), ({"orderId": None}, None), ({"orderId": 1001}, "1001"), ({"orderId": "o-1"}, "o-1")]
)
def test_an_order_systems_number_or_nothing_keeps_no_session_open(more: dict[str, Any], named: str | None) -> None:
    request = read(CloseSession, given({"merchant": "acme", "sessionId": "s-1", **more}))

    assert (request.session_id, request.order_id) == ("s-1", named)


@pytest.mark.parametrize("session_id", ["a#b", "100%25", "日本"])
def test_an_id_is_taken_as_it_stands(session_id: str) -> None:
    """Nothing is percent-decoded here."""
    assert read(CloseSession, given({"merchant": "acme", "sessionId": session_id})).session_id == session_id


@pytest.mark.parametrize("text", [None, 7, {"merchant": "acme"}])
def test_a_body_that_is_no_text_is_refused(text: Any) -> None:
    adapter = SqsMessage({"messageId": "m-1", "body": text}, RecordingTelemetry())

    with pytest.raises(InvalidRequest, match="must be text"):
        adapter.raw_fields(CloseSession)


def test_a_message_is_known_by_its_id_and_trusted_as_its_queue_is() -> None:
    """Of a message without an id Lambda redelivers the whole batch, which loses nothing."""
    adapter = SqsMessage(message("m-1", ORDER), RecordingTelemetry())

    assert (adapter.request_id, adapter.caller(), adapter.grant()) == ("m-1", "queue", None)
    assert SqsMessage({"body": "{}"}, RecordingTelemetry()).request_id == ""


def test_nobody_waits_for_the_answer() -> None:
    adapter = SqsMessage(message("m-1", ORDER), RecordingTelemetry())

    assert adapter.respond(Reply({}, 200)) is True
    assert adapter.reject(SessionClosed()) is False


# A whole batch


@dataclass
class Operation:
    """Closes what it is asked to; a session's name can say otherwise."""

    closed: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def __call__(self, request: CloseSession, service: str) -> dict[str, Any]:
        self.before()
        if request.session_id == "down":
            raise StorageUnavailable(f"The table did not answer. {CANARY}")
        if request.session_id == "broken":
            raise ValueError(f"cannot close {request.order_id}")
        self.closed.append(request.session_id)
        return {"closed": True}


@pytest.fixture
def operation() -> Operation:
    return Operation()


def run(
    bench: Bench,
    operation: Operation,
    event: Any,
    context: Any = Context(),  # noqa: B008  # it never changes
    events: tuple[EventKind, ...] = ("direct", "queue"),
) -> Any:
    def close(request: CloseSession, service: str) -> dict[str, Any]:
        return operation(request, service)

    return entrypoint(bench, "chicksx/close_session", accepts=CloseSession, events=events)(close)(event, context)


def order(session_id: str) -> dict[str, str]:
    return {"merchant": "acme", "sessionId": session_id, "orderId": CANARY}


def failed(answer: Any) -> list[str]:
    """Return the reported ids, in the one shape that Lambda reads."""
    assert set(answer) == {"batchItemFailures"}
    assert all(set(each) == {"itemIdentifier"} for each in answer["batchItemFailures"])
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_a_batch_that_is_done_reports_nothing(bench: Bench, operation: Operation) -> None:
    answer = run(bench, operation, queue_event(order("s-1"), order("s-2"), order("s-3")), None)

    assert (failed(answer), operation.closed) == ([], ["s-1", "s-2", "s-3"])
    assert failed(run(bench, operation, {"Records": []})) == []
    assert [caller for caller, _ in bench.calls] == ["queue"] * 3


@pytest.mark.parametrize("event", [{"Records": []}, queue_event(ORDER)])
def test_a_function_without_a_queue_takes_no_messages(bench: Bench, operation: Operation, event: Any) -> None:
    """Whoever may invoke it must not get what the senders to a queue are trusted with."""
    with pytest.raises(InvalidRequest, match="not known here"):
        run(bench, operation, event, events=("direct",))
    assert (operation.closed, bench.calls) == ([], [])


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_a_poison_message_is_reported_and_the_rest_is_done(bench: Bench, operation: Operation, body: str) -> None:
    answer = run(bench, operation, queue_event(order("s-1"), body, order("s-3")))

    assert (failed(answer), operation.closed) == (["message-2"], ["s-1", "s-3"])


def test_failures_are_reported_and_the_rest_is_done(bench: Bench, operation: Operation) -> None:
    """A message that comes twice in a batch is done twice. Closing is idempotent."""
    answer = run(bench, operation, queue_event(order("down"), order("s-2"), "{", order("broken"), order("s-2")))

    assert (failed(answer), operation.closed) == (["message-1", "message-3", "message-4"], ["s-2", "s-2"])


@dataclass
class Hourglass(Context):
    """A context whose time runs out as the operation works."""

    seconds: float = 25.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)

    def pass_by(self) -> None:
        self.seconds -= 6


def test_what_there_is_no_time_for_is_left_for_the_next_try(bench: Bench) -> None:
    """A function that ran out of time would fail with all of its batch, the messages that are done included."""
    hourglass = Hourglass()
    operation = Operation(before=hourglass.pass_by)

    answer = run(bench, operation, queue_event(*(order(f"s-{number}") for number in range(1, 6))), hourglass)

    assert operation.closed == ["s-1", "s-2", "s-3"]
    assert failed(answer) == ["message-4", "message-5"]
    assert [left for _, left in bench.calls] == pytest.approx([23, 17, 11], abs=0.5)


def test_each_message_leaves_its_line_in_the_log(bench: Bench, operation: Operation, lines: Lines) -> None:
    run(bench, operation, queue_event(order("s-1"), "{", order("down"), order("broken")))

    answered = lines("answered")
    assert [(line["correlation_id"], line["status"], line["code"]) for line in answered] == [
        ("message-1", 200, "ok"),
        ("message-2", 400, "invalid_request"),
        ("message-3", 503, "storage_unavailable"),
        ("message-4", 500, "internal_error"),
    ]
    assert {line["entry_point"] for line in answered} == {"queue"}
    assert [line["cold_start"] for line in answered] == [True, False, False, False]


def test_the_log_has_nothing_of_a_messages_body(
    bench: Bench, operation: Operation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its number and its order's are the shop's; of an unexpected failure's message nobody knows what is in it."""
    run(bench, operation, queue_event(*map(order, ("s-canary", "down", "broken")), CANARY, {CANARY: CANARY}))

    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err
    assert "s-canary" not in captured.out + captured.err


def test_the_log_says_what_is_wrong_with_a_message_since_nobody_reads_an_answer(
    bench: Bench, operation: Operation, lines: Lines
) -> None:
    run(bench, operation, queue_event('{"merchant": "acme"}'))

    metric = "Failures.invalid_request"
    assert [line[metric] for line in lines(metric)] == [[1.0]]
    (refused,) = lines("message_rejected")
    assert (refused["code"], refused["correlation_id"]) == ("invalid_request", "message-1")
    assert "'sessionId'" in refused["detail"]
