"""The provider refusing, failing, throttling or lying: the right problem document, and table and provider agree.

What each answer of a provider means is in `tests/unit/providers`, and what the network does in `tests/contract`.
"""

from typing import Any

import pytest

from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    DELETE,
    FOURTHWALL,
    LIST,
    HttpResponse,
    provider_of,
)
from tests.integration.support.in_process_stack import Stack
from token_broker.aws.store.leases import IN_FLIGHT_GRACE

#: What each function asks of its provider first. Deleting begins with a look at the list, where there is no record.
ASKING = [FOURTHWALL, CHICKSX, CURRENT, CREATE, LIST, DELETE]
MINTING = [FOURTHWALL, CHICKSX, CURRENT, CREATE]


def fail(stack: Stack, function: str, kind: str, times: int = 10, **parameters: Any) -> None:
    stack.control.fault(provider_of(function), kind, times=times, **parameters)


def ask(stack: Stack, function: str, **more: Any) -> HttpResponse:
    answer = stack.worker(function).api(**more)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["status"] == answer.status
    assert answer.body["requestId"]
    assert answer.body["type"] == f"urn:token-broker:problem:{answer.code}"
    stack.control.forget_faults()
    return answer


STATUSES = {
    401: ("provider_rejected_credentials", 502, None),
    422: ("provider_error", 502, None),
    429: ("provider_throttled", 503, "31"),
    503: ("provider_unavailable", 504, "31"),
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("function", ASKING)
def test_a_status_of_the_provider(function: str, status: int, stack: Stack) -> None:
    code, problem, wait = STATUSES[status]
    body = {"message": "No.", "errors": "No."}
    fail(stack, function, "status", status=status, body=body, headers={"Retry-After": "30.2"})

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (problem, code, wait is not None)
    assert answer.body["provider"]["status"] == status
    assert answer.retry_after == wait


@pytest.mark.parametrize("kind", ["refuse", "drop_before_acting", "malformed"])
@pytest.mark.parametrize("function", MINTING)
def test_a_provider_that_is_down_and_the_next_call_after_the_outage(function: str, kind: str, stack: Stack) -> None:
    fail(stack, function, kind)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (504, "provider_unavailable", True)
    assert answer.retry_after == "1"
    assert "provider" not in answer.body
    assert stack.worker(function).api().status in (200, 201)
    assert stack.mints(provider_of(function)) == 1


@pytest.mark.parametrize(
    ("function", "kind"), [*((each, "hang") for each in ASKING), (CHICKSX, "act_then_hang"), (CREATE, "act_then_hang")]
)
def test_a_provider_that_is_slow(function: str, kind: str, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.http.client.READ_TIMEOUT", 0.08)
    fail(stack, function, kind, seconds=5)

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (504, "provider_unavailable", True)
    stack.clock.offset += IN_FLIGHT_GRACE + 1  # it may be acting just now: the lease is kept so long
