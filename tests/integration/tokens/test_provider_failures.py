"""The provider refusing, failing, throttling or lying: the right problem document, and table and provider agree.

What each answer of a provider means is in `tests/unit/providers`, and what the network does in `tests/contract`.
"""

import json
import time
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
from tests.integration.support.in_process_stack import MERCHANT, Stack
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


@pytest.mark.parametrize("function", [CURRENT, CREATE])
def test_the_hundred_and_first_token(function: str, stack: Stack) -> None:
    stack.control.plant_tokens(MERCHANT, count=100)

    answer = ask(stack, function)

    assert (answer.status, answer.code) == (409, "token_limit_reached")
    assert "revoke" in answer.body["detail"]
    assert answer.body["provider"]["message"] == "Api permission exceeds public access token limit of: 100"


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


def test_what_may_still_be_under_way_is_not_asked_for_again_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("token_broker.http.client.READ_TIMEOUT", 0.08)
    monkeypatch.setattr("token_broker.tokens.issue.WAIT_FOR_OTHERS", 0.05)
    fail(stack, CREATE, "hang", seconds=1.5, late=True, method="POST", times=1)
    assert ask(stack, CREATE).code == "provider_unavailable"

    assert ask(stack, CREATE).code == "mint_in_progress"

    until = time.monotonic() + 10
    while stack.mints("shopify") == 0 and time.monotonic() < until:
        time.sleep(0.05)
    stack.clock.offset += IN_FLIGHT_GRACE + 1
    assert stack.worker(CREATE).api().status == 201
    assert stack.mints("shopify") == 1


@pytest.mark.parametrize("function", MINTING)
def test_a_call_with_no_time_left_asks_nobody(function: str, stack: Stack) -> None:
    answer = ask(stack, function, seconds=2.1)

    assert (answer.status, answer.code) == (504, "provider_unavailable")
    assert stack.asked(function) == []


#: Answers that are lies, with the fault that tells each. Shopify's list would give the lost token away, so it lies too.
LIES: dict[str, dict[str, Any]] = {
    "html": {"kind": "garbage", "act": True},
    "deep": {"kind": "garbage", "act": True, "body": "[" * 100_000, "contentType": "application/json"},
    "other success": {"kind": "answer_override", "status": 202},
    "too large, in chunks": {"kind": "huge", "bytes": 3_000_000, "chunked": True, "act": True},
    "no token": {"kind": "answer_override", "patch": {"data": None}},
}


@pytest.mark.parametrize(
    ("function", "lie"), [(CHICKSX, lie) for lie in LIES] + [(each, "html") for each in (FOURTHWALL, CURRENT)]
)
def test_a_success_that_is_none(function: str, lie: str, stack: Stack) -> None:
    fail(stack, function, **LIES[lie])

    answer = ask(stack, function)

    assert (answer.status, answer.code, answer.body["retryable"]) == (502, "provider_error", False)
    assert len(json.dumps(answer.body)) < 2000
    assert not [item for item in stack.items() if item["sk"].startswith("token#")]


def test_an_id_that_is_already_anothers_loses_no_token(stack: Stack) -> None:
    first = stack.worker(CREATE).api(headers={"Idempotency-Key": None})
    lie = {"storefront_access_token": {"id": int(first.body["tokenId"])}}
    fail(stack, CREATE, "answer_override", method="POST", patch=lie)

    answer = ask(stack, CREATE, headers={"Idempotency-Key": None})

    assert (answer.status, answer.code) == (502, "provider_error")
    assert stack.mints("shopify") == 2


@pytest.mark.parametrize("function", [LIST, DELETE])
def test_a_list_that_is_a_lie(function: str, stack: Stack) -> None:
    fail(stack, function, "answer_override", method="GET", patch={"storefront_access_tokens": [{"id": "x"}]})

    assert ask(stack, function).code == "provider_error"


@pytest.mark.parametrize(
    ("kind", "parameters"), [("status", {"status": 503}), ("status", {"status": 429}), ("drop_before_acting", {})]
)
def test_a_revocation_that_the_provider_did_not_confirm_is_pending_and_the_token_unserved(
    kind: str, parameters: dict[str, Any], stack: Stack
) -> None:
    token_id = stack.worker(CURRENT).api().body["tokenId"]
    stack.control.fault("shopify", kind, times=10, **parameters)

    answer = stack.worker(DELETE).api(path={"tokenId": token_id})
    stack.control.forget_faults()

    assert (answer.status, answer.body) == (202, {"revocation": "pending"})
    (record,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    assert (record["state"], "accessToken" in record, "due" in record) == ("revoking", False, True)
    assert stack.cold(CURRENT).api().body["tokenId"] != token_id
    again = stack.worker(DELETE).api(path={"tokenId": token_id})
    assert (again.status, again.body) == (200, {"revocation": "confirmed"})


@pytest.mark.parametrize("function", [FOURTHWALL, CHICKSX, CREATE])
def test_a_providers_words_are_repeated_without_what_looks_secret(function: str, stack: Stack) -> None:
    words = f"Bad key shpat_{'ab' * 16} for cx-api-key-of-demo\u0007 ptkn_secret {'word ' * 80}"
    fail(stack, function, "status", status=400, body={"code": "BAD", "message": words, "errors": [words]})

    said = ask(stack, function).body["provider"]["message"]

    assert len(said) <= 200
    assert said.isprintable()
    assert "shpat_" not in said
    assert "ptkn_" not in said
    assert function != CHICKSX or "cx-api-key" not in said
