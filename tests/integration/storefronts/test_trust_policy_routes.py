"""The trust policy's routes over a table: the stored document, an outage, and writers who start at once."""

from functools import partial
from threading import Lock
from unittest.mock import Mock

import pytest

from tests.callers import at_once
from tests.fakes.trust_policies import policy
from tests.integration.support.concurrency import OneByOne
from tests.integration.support.functions import (
    DELETE_POLICY,
    GET_POLICY,
    POLICY_FUNCTIONS,
    PUT_POLICY,
    HttpResponse,
    Worker,
    cold_start,
)
from tests.integration.support.in_process_stack import Stack
from tests.integration.support.outages import aws_error, refusing
from token_broker import wiring
from token_broker.clock import SystemClock

ONE, TWO = policy(), policy(origins=["https://two.example"])


def call(worker: Worker, document: object = None, **headers: str) -> HttpResponse:
    sent = {"If-Match": None, "If-None-Match": None, **{name.replace("_", "-"): each for name, each in headers.items()}}
    return worker.api(headers=sent, body=document)


def test_a_policy_is_put_shown_changed_and_deleted(stack: Stack) -> None:
    put, get, delete = (stack.worker(function) for function in (PUT_POLICY, GET_POLICY, DELETE_POLICY))

    made = call(put, ONE, If_None_Match="*")
    assert (made.status, made.headers["ETag"], made.body) == (201, '"1"', ONE)
    assert call(get).body == ONE
    assert call(put, TWO, If_Match='"7"').status == 412
    changed = call(put, TWO, If_Match='"1"')
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    shown = call(get)
    assert (shown.body, shown.headers["ETag"]) == (TWO, '"2"'), "a warm worker sees a change at once"
    (item,) = [item for item in stack.items() if item["sk"] == "policy"]
    assert item["changedBy"] == "arn:aws:sts::123456789012:assumed-role/Operations/ann"
    assert [call(delete).body for _ in range(2)] == [{"deleted": True}, {"deleted": False}]
    assert (call(get).status, call(get).code) == (404, "trust_policy_not_found")
    assert call(put, ONE).headers["ETag"] == '"4"'


@pytest.mark.parametrize("function", POLICY_FUNCTIONS)
def test_a_table_that_does_not_answer_is_said(stack: Stack, function: str) -> None:
    with refusing(stack.dynamodb, "GetItem", "PutItem", error=lambda: aws_error("AccessDeniedException")):
        answer = call(stack.worker(function), ONE if function == PUT_POLICY else None)

    assert (answer.status, answer.code, answer.retry_after) == (503, "storage_unavailable", "1")
    assert "arn:" not in str(answer.body)


@pytest.mark.parametrize("same", [True, False], ids=["the same", "different ones"])
def test_of_ten_who_put_a_first_policy_at_once_one_creates_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """All by the same caller, in the same second. To repeat what stands is a success, to differ from it is none."""
    client = OneByOne(stack.dynamodb, Lock())
    monkeypatch.setattr(wiring, "client", lambda service: client)
    workers = [cold_start(PUT_POLICY, clock=SystemClock(), telemetry=Mock()) for _ in range(10)]
    documents = [ONE if same else policy(origins=[f"https://{number}.example"]) for number in range(10)]

    answers = at_once([partial(call, *each, If_None_Match="*") for each in zip(workers, documents, strict=True)])

    assert sorted(answer.status for answer in answers) == ([200] * 9 + [201] if same else [201] + [412] * 9)
    assert {answer.headers["ETag"] for answer in answers if answer.status < 400} == {'"1"'}
