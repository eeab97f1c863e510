"""Direct invocation: the route's fields as plain JSON in, plain JSON out, failures as exceptions."""

import json
from typing import Any

import pytest

from tests.fakes.samples import token
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.direct import DirectAdapter
from token_broker.entrypoints.inputs import CreateToken, GetSessionToken
from token_broker.errors import InvalidRequest, MerchantNotFound, ProviderError, ProviderReply, ProviderThrottled


def adapter(event: Any) -> DirectAdapter:
    return DirectAdapter(event, "lambda-request-1")


def test_the_event_is_the_fields() -> None:
    event = {"merchant": "acme", "title": "T", "idempotencyKey": "k"}

    assert adapter(event).raw_fields(CreateToken) == event


@pytest.mark.parametrize("event", [None, [], "text", 7, True])
def test_an_event_that_is_no_object_is_refused_with_the_fields_that_are_wanted(event: Any) -> None:
    with pytest.raises(InvalidRequest, match="merchant, sessionId, scope"):
        adapter(event).raw_fields(GetSessionToken)


def test_lambda_does_not_say_who_invoked() -> None:
    assert adapter({}).caller() == "direct"


def test_the_answer_is_the_plain_body() -> None:
    assert adapter({}).respond(Reply(token(), 201)) == token().as_json()


@pytest.mark.parametrize(
    "error", [MerchantNotFound("No."), ProviderError("No.", reply=ProviderReply(400, "BAD", "é\u2192 said"))]
)
def test_a_refusal_raises_the_error_with_the_problem_as_its_text(error: MerchantNotFound | ProviderError) -> None:
    with pytest.raises(type(error)) as raised:
        adapter({}).reject(error)

    assert json.loads(str(raised.value)) == error.problem("lambda-request-1")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_refusal_says_how_long_to_wait_if_that_is_known() -> None:
    error = ProviderThrottled("No.", retry_after=1.2)

    with pytest.raises(ProviderThrottled) as raised:
        adapter({}).reject(error)

    assert json.loads(str(raised.value)) == {**error.problem("lambda-request-1"), "retryAfter": 2}
