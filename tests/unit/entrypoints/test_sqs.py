"""SQS batches: each message for itself, whatever becomes of the others; what fails is reported by its id."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from tests.fakes.events import Context, message, queue_event
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.api_gateway import BODY_LIMIT
from token_broker.entrypoints.handler import Request, entrypoint
from token_broker.entrypoints.inputs import CloseSession, read
from token_broker.entrypoints.sqs import SqsMessage
from token_broker.errors import InvalidRequest, SessionClosed, StorageUnavailable
from token_broker.telemetry import PowertoolsTelemetry

CANARY = "sk_live_canary"
ORDER = {"merchant": "acme", "sessionId": "s-1", "orderId": "order-1"}
#: Bodies that no number of tries makes better.
POISON = {
    "nothing": "",
    "no JSON": "merchant=acme",
    "cut short": '{"merchant": "acme", "sessionId": "s-1"',
    "a list": json.dumps([ORDER]),
    "a string": json.dumps(json.dumps(ORDER)),
    "null": "null",
    "a number": "7",
    "an empty object": "{}",
    "no merchant": '{"sessionId": "s-1"}',
    "no session": '{"merchant": "acme"}',
    "an order alone": '{"orderId": "order-1"}',
    "a merchant that is none": '{"merchant": "Acme!", "sessionId": "s-1"}',
    "a session that is a number": '{"merchant": "acme", "sessionId": 7}',
    "a session of null": '{"merchant": "acme", "sessionId": null}',
    "a blank session": '{"merchant": "acme", "sessionId": "  "}',
    "a session that is too long": json.dumps({**ORDER, "sessionId": "s" * 257}),
    "an order that is a list": '{"merchant": "acme", "sessionId": "s-1", "orderId": ["order-1"]}',
    "a session given twice": '{"merchant": "acme", "sessionId": "s-1", "sessionId": "s-2"}',
    "half a surrogate pair": '{"merchant": "acme", "sessionId": "\\ud83c"}',
    "NaN": '{"merchant": "acme", "sessionId": "s-1", "orderId": NaN}',
    "far too deep": '{"merchant": "acme", "sessionId": "s-1", "x": ' + "[" * 2000 + "]" * 2000 + "}",
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


def test_an_optional_field_may_be_missing() -> None:
    assert read(CloseSession, given({"merchant": "acme", "sessionId": "s-1"})).order_id is None


@pytest.mark.parametrize("session_id", ["a b", "#", "a#b", "a/b", "100%25", "é", "日本", "🛒"])
def test_an_id_is_taken_as_it_stands(session_id: str) -> None:
    """Nothing is percent-decoded here."""
    assert read(CloseSession, given({"merchant": "acme", "sessionId": session_id})).session_id == session_id


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_what_is_not_right_is_refused_without_being_quoted(body: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(CloseSession, given(body))

    assert "s-1" not in refused.value.detail
    assert "order-1" not in refused.value.detail


@pytest.mark.parametrize("text", [None, 7, {"merchant": "acme"}])
def test_a_body_that_is_no_text_is_refused(text: Any) -> None:
    adapter = SqsMessage({"messageId": "m-1", "body": text}, RecordingTelemetry())

    with pytest.raises(InvalidRequest, match="must be text"):
        adapter.raw_fields(CloseSession)


def test_a_message_is_known_by_its_id_and_trusted_as_its_queue_is() -> None:
    adapter = SqsMessage(message("m-1", ORDER), RecordingTelemetry())

    assert (adapter.request_id, adapter.caller(), adapter.grant()) == ("m-1", "queue", None)


def test_a_message_without_an_id_has_none() -> None:
    """Lambda then redelivers the whole batch, which loses nothing."""
    assert SqsMessage({"body": "{}"}, RecordingTelemetry()).request_id == ""


def test_nobody_waits_for_the_answer() -> None:
    adapter = SqsMessage(message("m-1", ORDER), RecordingTelemetry())

    assert adapter.respond(Reply({}, 200)) is True
    assert adapter.reject(SessionClosed()) is False


# A whole batch


@dataclass
class Bench:
    """A container whose service notes who asks until when."""

    make_telemetry: Callable[[], PowertoolsTelemetry]
    callers: list[str] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        return self.make_telemetry()

    def service(self, request: Request) -> str:
        assert request.grant is None
        self.callers.append(request.caller)
        self.deadlines.append(request.deadline.left())
        return "the service"


@pytest.fixture
def bench(make_telemetry: Callable[[], PowertoolsTelemetry]) -> Bench:
    return Bench(make_telemetry)


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


def run(bench: Bench, operation: Operation, event: Any, context: Any = None) -> Any:
    def close(request: CloseSession, service: str) -> dict[str, Any]:
        return operation(request, service)

    return entrypoint(bench, "chicksx/close_session", accepts=CloseSession, events=("direct", "queue"))(close)(
        event, context or Context()
    )


def order(session_id: str) -> dict[str, str]:
    return {"merchant": "acme", "sessionId": session_id, "orderId": CANARY}


def failed(answer: Any) -> list[str]:
    """Return the reported ids, in the one shape that Lambda reads."""
    assert set(answer) == {"batchItemFailures"}
    assert all(set(each) == {"itemIdentifier"} for each in answer["batchItemFailures"])
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_batch_that_is_done_reports_nothing(bench: Bench, operation: Operation) -> None:
    answer = run(bench, operation, queue_event(order("s-1"), order("s-2"), order("s-3")))

    assert (failed(answer), operation.closed) == ([], ["s-1", "s-2", "s-3"])
    assert bench.callers == ["queue"] * 3


@pytest.mark.parametrize("event", [{"Records": []}, queue_event(ORDER)])
def test_a_function_without_a_queue_takes_no_messages(bench: Bench, operation: Operation, event: Any) -> None:
    """Whoever may invoke it must not get what the senders to a queue are trusted with."""

    def close(request: CloseSession, service: str) -> dict[str, Any]:
        return operation(request, service)

    with pytest.raises(InvalidRequest, match="not known here"):
        entrypoint(bench, "chicksx/close_session", accepts=CloseSession, events=("direct",))(close)(event, Context())
    assert (operation.closed, bench.callers) == ([], [])


def test_an_empty_batch_is_done(bench: Bench, operation: Operation) -> None:
    assert failed(run(bench, operation, {"Records": []})) == []


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_a_poison_message_is_reported_and_the_rest_is_done(bench: Bench, operation: Operation, body: str) -> None:
    answer = run(bench, operation, queue_event(order("s-1"), body, order("s-3")))

    assert (failed(answer), operation.closed) == (["message-2"], ["s-1", "s-3"])


@pytest.mark.parametrize("session_id", ["down", "broken"])
def test_a_failure_of_one_is_reported_and_the_rest_is_done(bench: Bench, operation: Operation, session_id: str) -> None:
    answer = run(bench, operation, queue_event(order(session_id), order("s-2"), order("s-3")))

    assert (failed(answer), operation.closed) == (["message-1"], ["s-2", "s-3"])


def test_every_message_can_fail(bench: Bench, operation: Operation) -> None:
    answer = run(bench, operation, queue_event(order("down"), "{", order("broken")))

    assert (failed(answer), operation.closed) == (["message-1", "message-2", "message-3"], [])


def test_a_message_that_comes_twice_in_a_batch_is_done_twice(bench: Bench, operation: Operation) -> None:
    """Closing is idempotent; what must not be repeated has no queue."""
    event = queue_event(order("s-1"), order("s-1"))

    assert failed(run(bench, operation, event)) == []
    assert operation.closed == ["s-1", "s-1"]


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
    assert bench.deadlines == pytest.approx([23, 17, 11], abs=0.5)


def test_a_run_without_lambda_has_the_usual_time(bench: Bench, operation: Operation) -> None:
    def close(request: CloseSession, service: str) -> dict[str, Any]:
        return operation(request, service)

    assert (
        failed(
            entrypoint(bench, "chicksx/close_session", accepts=CloseSession, events=("direct", "queue"))(close)(
                queue_event(order("s-1")), None
            )
        )
        == []
    )


def test_each_message_leaves_its_line_in_the_log(
    bench: Bench, operation: Operation, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bench, operation, queue_event(order("s-1"), "{", order("down"), order("broken")))

    answered = [line for line in lines(capsys) if line.get("message") == "answered"]
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


def test_failures_of_a_batch_are_counted_by_code(
    bench: Bench, operation: Operation, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bench, operation, queue_event("{", order("s-2"), "["))

    metric = "Failures.invalid_request"
    assert [line[metric] for line in lines(capsys) if metric in line] == [[1.0], [1.0]]


@pytest.mark.parametrize(("order", "named"), [("null", None), ("1001", "1001"), ('"o-1"', "o-1")])
def test_an_order_systems_number_or_nothing_keeps_no_session_open(order: str, named: str | None) -> None:
    adapter = SqsMessage(
        message("m-1", f'{{"merchant": "acme", "sessionId": "s-1", "orderId": {order}}}'), RecordingTelemetry()
    )

    request = read(CloseSession, adapter.raw_fields(CloseSession))

    assert (request.session_id, request.order_id) == ("s-1", named)


def test_the_log_says_what_is_wrong_with_a_message_since_nobody_reads_an_answer(
    bench: Bench, operation: Operation, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bench, operation, queue_event('{"merchant": "acme"}'))

    (refused,) = [line for line in lines(capsys) if line.get("message") == "message_rejected"]
    assert (refused["code"], refused["correlation_id"]) == ("invalid_request", "message-1")
    assert "'sessionId'" in refused["detail"]
