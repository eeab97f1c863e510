"""The API rejects bad input with 400 and sends no request to the table or a provider.

The rules of each field and of each place are tried in tests/unit. Here each function is asked once about each.
"""

import base64
import json
from typing import Any

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    DELETE,
    FOURTHWALL,
    FUNCTIONS,
    LIST,
    POLICY_FUNCTIONS,
    provider_of,
)
from tests.integration.support.in_process_stack import Stack
from token_broker.errors import InvalidRequest

TAKES_A_BODY = [CHICKSX, CREATE, *POLICY_FUNCTIONS[:1]]


def refused(stack: Stack, function: str, **changes: Any) -> str:
    """Return the detail of a 400 after checking that nothing was requested or written."""
    answer = stack.worker(function).api(**changes)
    assert (answer.status, answer.code) == (400, "invalid_request"), answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.body) == {"type", "title", "status", "detail", "code", "requestId", "retryable"}
    assert (answer.body["retryable"], answer.retry_after) == (False, None)
    assert stack.items() == []
    assert stack.control.requests() == []
    return str(answer.body["detail"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_unknown_merchant(function: str, untouched_stack: Stack) -> None:
    answer = untouched_stack.worker(function).api(path={"merchant": "nobody"})

    assert (answer.status, answer.code) == (404, "merchant_not_found")
    assert untouched_stack.items() == []


@pytest.mark.parametrize("function", [*FUNCTIONS, *POLICY_FUNCTIONS])
def test_neither_query_nor_a_malformed_name_says_whose_token_is_meant(function: str, stack: Stack) -> None:
    """A caller's permission is held to the merchant in the path."""
    if function in FUNCTIONS:
        stack.merchant(provider_of(function), "victim")

    refused(stack, function, query={"merchant": "victim"})
    for name in ("victim/../demo", "VICTIM", "", "victim%2F", "victim#policy"):
        assert "merchant" in refused(stack, function, path={"merchant": name})


@pytest.mark.parametrize("function", [*FUNCTIONS, *POLICY_FUNCTIONS])
@pytest.mark.parametrize("identity", [{}, {"userArn": None, "accessKey": None}], ids=str)
def test_nobody_is_let_in_without_an_identity(function: str, identity: dict[str, Any], untouched_stack: Stack) -> None:
    answer = untouched_stack.worker(function).api(identity=identity)

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert untouched_stack.items() == []


@pytest.mark.parametrize("function", TAKES_A_BODY)
@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 8000, '{"title": "a", "title": "b"}', '{"version": 1, "version": 1}', "x" * 1_000_000],
    ids=lambda text: ascii(text[:24]),
)
def test_a_body_that_is_not_one_good_json_object(function: str, text: str, untouched_stack: Stack) -> None:
    assert "xxxx" not in refused(untouched_stack, function, raw_body=text)


@pytest.mark.parametrize("function", [CURRENT, LIST, DELETE, FOURTHWALL])
def test_a_body_where_none_is_taken(function: str, untouched_stack: Stack) -> None:
    refused(untouched_stack, function, body={"anything": 1})


@pytest.mark.parametrize(
    ("function", "changes"),
    [
        (CREATE, {"raw_body": json.dumps({"title": "x" * 151})}),
        (CREATE, {"body": {"title": "Storefront", "merchant": "victim"}}),
        (CREATE, {"headers": {"Idempotency-Key": ["a", "b"]}}),
        (CREATE, {"raw_body": base64.b64encode(b"\xff\xfe{}").decode(), "base64": True}),
        (CHICKSX, {"body": {"sessionId": "s\x00"}}),
        (CHICKSX, {"body": {"sessionId": "s", "scope": ["a b"]}}),
        (DELETE, {"path": {"tokenId": "gid://x/1"}}),
        (DELETE, {"path": {"tokenId": "\uff11\uff12"}}),
        (DELETE, {"path": {"tokenId": "1" * 30}}),
        (DELETE, {"query": {"foreign": ["true", "true"]}}),
    ],
    ids=str,
)
def test_a_field_that_is_not_right(function: str, changes: dict[str, Any], untouched_stack: Stack) -> None:
    refused(untouched_stack, function, **changes)


def test_a_base64_body_and_a_header_of_another_case_are_read(stack: Stack) -> None:
    text = base64.b64encode(json.dumps({"title": "Storefront"}).encode()).decode()

    first = stack.worker(CREATE).api(raw_body=text, base64=True, headers={"Idempotency-Key": "k"})
    again = stack.worker(CREATE).api(
        body={"title": "Storefront"}, headers={"Idempotency-Key": None, "idempotency-key": "k"}
    )

    assert (first.status, first.body["tokenId"]) == (201, again.body["tokenId"])


@pytest.mark.parametrize("title", ["x" * 150, "\U0001f6cd\ufe0f \U0001f469\u200d\U0001f469", "  padded  "], ids=ascii)
def test_a_title_that_is_one(title: str, stack: Stack) -> None:
    answer = stack.worker(CREATE).api(body={"title": title})

    assert (answer.status, answer.body["title"]) == (201, title)


@pytest.mark.parametrize("session", ["s" * 256, "a#b", "session:1/2?x=1", "ünïcode-🛒", "'; DROP TABLE"], ids=ascii)
def test_a_session_id_that_is_one(session: str, stack: Stack) -> None:
    answer = stack.worker(CHICKSX).api(body={"sessionId": session})

    assert (answer.status, answer.body["subject"]) == (201, f"session:{session}")
    assert stack.worker(CHICKSX).api(body={"sessionId": session}).status == 200


@pytest.mark.parametrize("function", [CREATE, FOURTHWALL])
@pytest.mark.parametrize("event", [None, {}, {"merchant": ["demo"]}, {"merchant": "demo", "extra": 1}], ids=str)
def test_a_direct_invocation_raises_the_problem_of_the_api(function: str, event: Any, untouched_stack: Stack) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        untouched_stack.worker(function).invoke(event)

    problem = json.loads(str(refusal.value))
    assert (problem["code"], problem["status"]) == ("invalid_request", 400)
    assert untouched_stack.items() == []
