"""How answers, errors and events are read and shown."""

import dataclasses
import inspect
import json
import pickle
from typing import Any

import pytest

from loopback import TOKEN
from token_broker_client import Token, api, direct, errors, events, models
from token_broker_client.connections import HttpAnswer
from token_broker_client.members import Model
from token_broker_client.proofs import _Key
from token_broker_client.transport import Answer

LISTED = {**TOKEN, "origin": "broker", "state": "current"}
HISTORY = [{"at": 1, "by": "clock", "from": None, "to": "current", "why": "minted"}]


def test_members_become_attributes() -> None:
    record = models.TokenRecord.from_json({**LISTED, "history": HISTORY})
    assert (record.use.location, record.scope) == ("header", ("unauthenticated_read_product_listings",))
    assert (record.history[0].before, record.history[0].after) == (None, "current")


def test_unknown_members_are_kept() -> None:
    token = Token.from_json({**TOKEN, "colour": "red", "use": {**TOKEN["use"], "unit": 1}})
    assert (token.extra, token.use.extra) == ({"colour": "red"}, {"unit": 1})


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"tokenId": None}, "Token.tokenId"),
        ({"tokenId": 7}, "Token.tokenId"),
        ({"issuedAt": True}, "Token.issuedAt"),
        ({"expiresAt": "never"}, "Token.expiresAt"),
        ({"scope": "read"}, "Token.scope"),
        ({"scope": [1]}, "Token.scope"),
        ({"use": []}, "Use"),
        ({"providerData": []}, "Token.providerData"),
    ],
)
def test_a_member_of_another_type_is_named_without_its_value(change: dict[str, Any], where: str) -> None:
    with pytest.raises(errors.MalformedAnswer, match=where) as caught:
        Token.from_json({**TOKEN, **change})
    assert "VALUE" not in str(caught.value)


def test_the_errors_of_an_answer_have_its_request() -> None:
    with pytest.raises(errors.MalformedAnswer) as caught:
        Answer({}, "request-1", 200).read(Token)
    assert (caught.value.request_id, caught.value.status) == ("request-1", 200)


def _models() -> list[type[Model]]:
    found = [*vars(models).values(), *vars(events).values()]
    return [each for each in found if inspect.isclass(each) and issubclass(each, Model) and each is not Model]


def _filled(hint: str, value: str) -> Any:
    """Return something for a field of this type with the value in each text."""
    if hint.startswith("tuple["):
        return (_filled(hint[6:].split(",", 1)[0], value),)
    if hint.startswith("Mapping"):
        return {"a": value}
    if hint.startswith("str"):
        return value
    return 1


@pytest.mark.parametrize("kind", _models(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_model_shows_a_value(kind: type[Model]) -> None:
    """What can hold a value: it itself, what a provider adds, and members that a newer broker adds."""
    hidden = {"access_token", "provider_data", "extra"}
    fields = {each.name: _filled(str(each.type), f"<{each.name}>") for each in dataclasses.fields(kind)}
    assert not [name for name in hidden if f"<{name}>" in repr(kind(**fields))]


def test_what_carries_values_does_not_show_them() -> None:
    carried = [
        Answer(TOKEN),
        HttpAnswer(200, {"set-cookie": "VALUE"}, b"VALUE"),
        _Key("k1", b"VALUE"),
        Token.from_json(TOKEN),
        models.TokenList.from_json({"tokens": [LISTED], "used": 1, "limit": None}),
    ]
    assert "VALUE" not in repr(carried)


def test_a_list_without_a_limit_has_no_headroom() -> None:
    unlimited = models.TokenList.from_json({"tokens": [], "used": 1, "limit": None})
    limited = models.TokenList.from_json({"tokens": [], "used": 30, "limit": 100})
    assert (unlimited.headroom, limited.headroom) == (None, 70)


PROBLEM = {
    "code": "token_limit_reached",
    "status": 409,
    "detail": "Full.",
    "requestId": "r-1",
    "retryable": True,
    "provider": {"status": 422, "code": "LIMIT", "message": "Too many"},
}


def test_an_error_has_what_the_document_says() -> None:
    error = errors.from_problem(PROBLEM, request_id="r-2", retry_after=3.0)
    assert type(error) is errors.TokenLimitReached
    assert (error.status, error.retryable, error.retry_after, error.request_id) == (409, True, 3.0, "r-1")
    assert error.provider == errors.ProviderReply(422, "LIMIT", "Too many")
    assert str(error) == "token_limit_reached: Full. (request r-1)"


@pytest.mark.parametrize(
    ("said", "retry_after", "expected"),
    [(7, None, 7.0), (7, 3.0, 3.0), (-1, None, None), (True, None, None), ("7", None, None), (1e999, None, None)],
)
def test_a_direct_invocations_document_has_the_seconds(said: Any, retry_after: float | None, expected: Any) -> None:
    error = errors.from_problem({**PROBLEM, "retryAfter": said}, request_id=None, retry_after=retry_after)
    assert error.retry_after == expected


def test_an_unknown_code_is_a_broker_error() -> None:
    error = errors.from_problem({"code": "new_one", "status": 418}, request_id="r-2", retry_after=None)
    assert type(error) is errors.BrokerError
    assert (error.code, error.retryable, error.request_id) == ("new_one", False, "r-2")


@pytest.mark.parametrize("status", ["1e999", "null", '"x"', "[]"])
def test_a_status_that_is_no_number_is_not_the_brokers(status: str) -> None:
    document = f'{{"code": "a", "status": {status}}}'.encode()
    raised = json.dumps({"errorMessage": document.decode(), "errorType": "A"}).encode()
    with pytest.raises(errors.MalformedAnswer):
        api._read(HttpAnswer(400, {}, document))  # noqa: SLF001
    with pytest.raises(errors.InternalError):
        direct._read(HttpAnswer(200, {"x-amz-function-error": "Unhandled"}, raised))  # noqa: SLF001


def test_an_error_survives_another_process() -> None:
    error = pickle.loads(pickle.dumps(errors.from_problem(PROBLEM, request_id=None, retry_after=1)))  # noqa: S301
    assert (type(error), error.code, error.request_id) == (errors.TokenLimitReached, "token_limit_reached", "r-1")


EVENT = {
    "source": "token-broker",
    "detail-type": "SessionClosed",
    "detail": {
        "eventId": "e-1",
        "provider": "chicksx",
        "merchant": "acme",
        "occurredAt": 1,
        "sessionId": "s-1",
        "orderId": None,
        "closedAt": 1,
    },
}


@pytest.mark.parametrize("event", [EVENT, json.dumps(EVENT), json.dumps(EVENT).encode()])
def test_an_event_is_read_from_the_bus_or_a_queue(event: Any) -> None:
    assert events.parse(event) == events.SessionClosed(
        type="SessionClosed",
        event_id="e-1",
        provider="chicksx",
        merchant="acme",
        occurred_at=1,
        session_id="s-1",
        order_id=None,
        closed_at=1,
    )


def test_an_event_of_a_newer_broker_keeps_its_members() -> None:
    event = events.parse({**EVENT, "detail-type": "SessionMoved"})
    assert (type(event), event.type, event.extra["sessionId"]) == (events.Event, "SessionMoved", "s-1")


@pytest.mark.parametrize("event", [None, "", "[", [], {}, {**EVENT, "source": "aws.s3"}, {**EVENT, "detail": None}])
def test_what_is_no_event(event: Any) -> None:
    with pytest.raises(errors.MalformedAnswer):
        events.parse(event)
