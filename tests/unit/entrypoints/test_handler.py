"""What every function does around its one call."""

import json
from collections.abc import Callable
from copy import replace
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from tests.fakes.events import CALLER, PRINCIPAL, Context, api_event, queue_event, storefront_event
from tests.fakes.samples import token
from tests.unit.entrypoints.conftest import Bench, Lines
from token_broker.domain.token import Token
from token_broker.entrypoints.events import EventKind
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import CreateToken
from token_broker.errors import (
    Conflict,
    Forbidden,
    InternalError,
    InvalidRequest,
    MintInProgress,
    ProviderRejectedCredentials,
    ReauthorizationRequired,
    StorageUnavailable,
)
from token_broker.tokens.listing import RecordedToken

CANARY = "sk_live_canary"
GOOD = {"merchant": "acme", "title": "T"}


type Operation = Callable[[CreateToken, str], Any]

EVERY_KIND: tuple[EventKind, ...] = ("api", "storefront", "direct", "queue")


def handler(
    bench: Bench, operation: Operation, events: tuple[EventKind, ...] = ("api", "direct")
) -> Callable[[Any, Any], Any]:
    return entrypoint(bench, "shopify/create", accepts=CreateToken, success=201, events=events)(operation)


def failing(failure: Exception) -> Any:
    def fail(*_: object) -> NoReturn:
        raise failure

    return fail


def event(body: Any = None) -> dict[str, Any]:
    return api_event(path={"merchant": "acme"}, body={"title": "T"} if body is None else body)


def give(request: CreateToken, service: str) -> Token:
    return token(title=request.title)


def test_a_call_is_answered_in_the_form_of_its_kind(bench: Bench) -> None:
    answer = handler(bench, give)(event(), Context())

    assert (answer["statusCode"], json.loads(answer["body"])) == (201, token(title="T").as_json())
    assert handler(bench, give)(GOOD, Context()) == token(title="T").as_json()


def test_an_operation_gets_the_checked_request_and_the_service_and_may_choose_its_status(bench: Bench) -> None:
    seen: list[Any] = []

    def operation(request: CreateToken, service: str) -> Reply:
        seen.extend([request, service])
        return Reply({"revocation": "pending"}, 202)

    answer = handler(bench, operation)(event(), Context())

    assert seen == [CreateToken(merchant="acme", title="T"), "the service"]
    assert answer["statusCode"] == 202


@pytest.mark.parametrize(
    ("given", "context", "caller", "seconds"),
    [
        (event(), Context(milliseconds=10_000), CALLER, 8),
        (GOOD, Context(milliseconds=10_000), "direct", 8),
        (GOOD, None, "direct", 23),
    ],
    ids=["api", "direct", "without Lambda"],
)
def test_the_service_is_told_who_asks_and_two_seconds_are_kept_for_the_answer(
    bench: Bench, given: dict[str, Any], context: Any, caller: str, seconds: int
) -> None:
    handler(bench, give)(given, context)

    ((told, left),) = bench.calls
    assert told == caller
    assert left == pytest.approx(seconds, abs=0.5)


def test_a_failed_direct_call_raises_the_error_itself(bench: Bench) -> None:
    with pytest.raises(Conflict) as raised:
        handler(bench, failing(Conflict("It stands already.")))(GOOD, Context())
    with pytest.raises(InvalidRequest, match="'title' must be"):
        handler(bench, give)({"merchant": "acme", "title": 7}, Context())

    assert json.loads(str(raised.value))["code"] == "conflict"


def test_what_aws_said_of_a_failure_is_in_the_log_and_not_in_the_answer(bench: Bench, lines: Lines) -> None:
    operation = failing(StorageUnavailable("Try again.", causes=("DynamoDB: ThrottlingException",)))

    answer = handler(bench, operation)(event(), Context())

    (line,) = lines("failure_causes")
    assert (line["code"], line["causes"]) == ("storage_unavailable", ["DynamoDB: ThrottlingException"])
    assert "Throttling" not in json.dumps(answer)


def broken(request: CreateToken, service: str) -> Token:
    raise ValueError(f"cannot parse {CANARY}")


def test_an_unexpected_failure_shows_nothing_of_its_cause(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither to the caller nor in the log: a message can hold a value, and so can the event."""
    given = api_event(path={"merchant": "acme"}, body={"title": CANARY}, headers={"Authorization": [CANARY]})
    answer = handler(bench, broken)(given, Context())
    with pytest.raises(InternalError) as raised:
        handler(bench, broken)(GOOD, Context())

    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"], problem["retryable"]) == (500, "internal_error", False)
    assert "gateway-request-1" in problem["detail"]
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    captured = capsys.readouterr()
    assert CANARY not in json.dumps(answer) + str(raised.value) + captured.out + captured.err


@pytest.mark.parametrize(
    ("operation", "status", "code", "kinds"), [(give, 201, "ok", []), (broken, 500, "internal_error", ["ValueError"])]
)
def test_every_call_leaves_one_line_that_says_how_it_ended(
    bench: Bench, lines: Lines, operation: Operation, status: int, code: str, kinds: list[str]
) -> None:
    handler(bench, operation)(event(), Context())

    (line,) = lines("answered")
    assert (line["status"], line["code"], line["entry_point"]) == (status, code, "api")
    assert (line["operation"], line["merchant"], line["caller"]) == ("shopify/create", "acme", PRINCIPAL)
    assert line["correlation_id"] == "gateway-request-1"
    unexpected = lines("unexpected_failure")
    assert [each["kind"] for each in unexpected] == kinds
    assert all(each["frames"][-1].startswith("broken:") for each in unexpected)


def test_a_direct_call_is_named_by_lambdas_own_request(bench: Bench, lines: Lines) -> None:
    with pytest.raises(InternalError, match="under request lambda-request-1"):
        handler(bench, broken)(GOOD, Context())
    with pytest.raises(InternalError, match="under request \\."):
        handler(bench, broken)(GOOD, None)

    line, _ = lines("answered")
    assert (line["correlation_id"], line["function_request_id"]) == ("lambda-request-1", "lambda-request-1")
    assert line["function_name"] == "ShopifyFunction"


def test_the_line_says_how_long_the_call_took(bench: Bench, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100.0, 101.23456])
    monkeypatch.setattr("token_broker.entrypoints.handler.time", SimpleNamespace(perf_counter=lambda: next(readings)))

    handler(bench, give)(event(), Context())

    (line,) = lines("answered")
    assert line["ms"] == 1234.6


def test_the_line_names_the_token_that_was_served_and_its_source(bench: Bench, lines: Lines) -> None:
    def from_memory(request: CreateToken, service: str) -> Token:
        bench.telemetry.annotate(served="memory")
        return token()

    def report(value: str | None) -> Operation:
        return lambda request, service: RecordedToken(replace(token(), access_token=value))

    operations: list[Operation] = [from_memory, give, report("value"), report(None), lambda request, service: {}]
    for operation in operations:
        handler(bench, operation)(event(), Context())

    digest = token().digest
    assert [(line.get("served"), line.get("fingerprint")) for line in lines("answered")] == [
        ("memory", digest),
        ("store", digest),
        ("store", digest),
        (None, digest),
        (None, None),
    ]


def test_a_request_that_is_not_valid_names_no_merchant(bench: Bench, lines: Lines) -> None:
    handler(bench, give)(event({"title": 7}), Context())

    (line,) = lines("answered")
    assert (line["code"], line["caller"]) == ("invalid_request", PRINCIPAL)
    assert "merchant" not in line


def test_failures_are_counted_by_code_and_rejected_credentials_in_one_metric(bench: Bench, lines: Lines) -> None:
    for failure in (ValueError(), ProviderRejectedCredentials("No."), ReauthorizationRequired("acme")):
        handler(bench, failing(failure))(event(), Context())

    for code in ("internal_error", "provider_rejected_credentials", "reauthorization_required"):
        (line,) = lines(f"Failures.{code}")
        assert line[f"Failures.{code}"] == [1.0]
        assert line.get("CredentialsRejected") == (None if code == "internal_error" else [1.0])


@pytest.mark.parametrize(
    ("code", "counted"),
    [("AccessDeniedException", [1.0]), ("AccessDenied", [1.0]), ("ThrottlingException", None)],
)
def test_a_failure_that_a_role_causes_is_counted_apart(
    bench: Bench, lines: Lines, code: str, counted: list[float] | None
) -> None:
    handler(bench, failing(StorageUnavailable("Later.", causes=(f"DynamoDB: {code}",))))(event(), Context())

    (line,) = lines("Failures.storage_unavailable")
    assert line.get("StorageForbidden") == counted


STOREFRONT_CALL = storefront_event(headers={"Origin": ["https://shop.example"]}, authorizer={"merchant": "acme"})


def not_json(request: CreateToken, service: str) -> Any:
    return Reply({"body": object()}, 201)


@pytest.mark.parametrize(
    ("operation", "given", "status"),
    [
        pytest.param(give, {**event(), "requestContext": {}}, 401, id="caller"),
        pytest.param(give, {**STOREFRONT_CALL, "requestContext": {}}, 401, id="grant"),
        pytest.param(give, event("no JSON"), 400, id="fields"),
        pytest.param(give, event({"title": 7}), 400, id="input"),
        pytest.param(broken, event(), 500, id="operation"),
        pytest.param(failing(MintInProgress()), event(), 503, id="error of the operation"),
        pytest.param(failing(Exception("x")), queue_event(GOOD), 500, id="message"),
        pytest.param(not_json, event(), 500, id="response"),
    ],
)
def test_a_failure_of_any_part_leaves_one_line_and_one_answer(
    bench: Bench, lines: Lines, operation: Operation, given: dict[str, Any], status: int
) -> None:
    answer = handler(bench, operation, events=EVERY_KIND)(given, Context())

    (line,) = lines("answered")
    assert line["status"] == status
    assert answer.get("statusCode", status) == status
    assert bool(bench.calls) is (status >= 500)


def test_a_container_that_fails_leaves_one_line_and_one_answer(
    bench: Bench, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "service", failing(InternalError("The function is not configured.")))

    answer = handler(bench, give)(event(), Context())

    (line,) = lines("answered")
    assert (answer["statusCode"], line["status"]) == (500, 500)


@pytest.mark.parametrize("given", [event("no JSON"), storefront_event()])
def test_a_kind_of_event_that_is_not_accepted_is_refused_before_anything_is_read(
    bench: Bench, given: dict[str, Any]
) -> None:
    answer = handler(bench, give, events=("direct",))(given, Context())

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "forbidden")
    assert bench.calls == []


@pytest.mark.parametrize("given", [GOOD, 7, queue_event(GOOD)])
def test_a_function_without_events_accepts_none(bench: Bench, given: Any) -> None:
    with pytest.raises(Forbidden):
        handler(bench, give, events=())(given, Context())
    assert bench.calls == []


def test_a_handler_keeps_its_operations_docstring(bench: Bench) -> None:
    def operation(request: CreateToken, service: str) -> Token:
        """Handle POST /here."""
        return token()

    assert handler(bench, operation).__doc__ == "Handle POST /here."
