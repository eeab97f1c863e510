"""The API rejects bad input with 400 and sends no request to the table or a provider.

The rules of each field and of each place are tried in tests/unit. Here each function is asked once about each.
"""

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
    ["", "[]", "[" * 8000, '{"title": "a", "title": "b", "version": 1, "version": 1}', "x" * 1_000_000],
    ids=lambda text: ascii(text[:24]),
)
def test_a_body_that_is_not_one_good_json_object(function: str, text: str, untouched_stack: Stack) -> None:
    assert "xxxx" not in refused(untouched_stack, function, raw_body=text)


@pytest.mark.parametrize("function", [CURRENT, LIST, DELETE, FOURTHWALL])
def test_a_body_where_none_is_taken(function: str, untouched_stack: Stack) -> None:
    refused(untouched_stack, function, body={"anything": 1})
