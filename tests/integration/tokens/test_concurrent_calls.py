"""Ten at once: for one shop, one session, one Idempotency-Key there is exactly one mint."""

from typing import Any

import pytest

from tests.integration.support.concurrency import OneByOne, Quiet, at_once
from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    FOURTHWALL,
    HttpResponse,
    cold_start,
    provider_of,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker import wiring
from token_broker.clock import SystemClock

CALLERS = 10


@pytest.fixture(autouse=True)
def _prepared(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "client", OneByOne.clients(stack))
    monkeypatch.setattr("token_broker.tokens.issue.MIN_WAIT", 0.02)
    monkeypatch.setattr("token_broker.tokens.issue.MAX_WAIT", 0.1)


def ten_at_once(stack: Stack, function: str, **changes: Any) -> list[HttpResponse]:
    """Send the same request to ten cold workers at once and return the responses."""
    stack.worker(function)  # so that the merchant's secret is there
    return at_once([cold_start(function, clock=SystemClock(), telemetry=Quiet()) for _ in range(CALLERS)], **changes)


def token_ids(answers: list[HttpResponse]) -> set[str]:
    return {answer.body["tokenId"] for answer in answers}


@pytest.mark.parametrize("function", [CURRENT, FOURTHWALL])
def test_ten_at_once_for_one_shop(function: str, stack: Stack) -> None:
    answers = ten_at_once(stack, function)

    assert {answer.status for answer in answers} == {200}
    assert len(token_ids(answers)) == 1
    assert stack.mints(provider_of(function)) == 1


def test_ten_at_once_for_one_new_session(stack: Stack) -> None:
    answers = ten_at_once(stack, CHICKSX)

    assert sorted(answer.status for answer in answers) == [200] * 9 + [201]
    assert len(token_ids(answers)) == 1
    assert stack.mints("chicksx") == 1


def test_ten_at_once_with_one_idempotency_key(stack: Stack) -> None:
    answers = ten_at_once(stack, CREATE)

    assert {answer.status for answer in answers} == {201}
    assert len(token_ids(answers)) == 1
    assert stack.mints("shopify") == 1


def test_ten_at_once_without_a_key_are_ten_tokens(stack: Stack) -> None:
    answers = ten_at_once(stack, CREATE, headers={"Idempotency-Key": None})

    assert len(token_ids(answers)) == CALLERS
    marks = {token["title"] for token in stack.control.state()["shopify"][MERCHANT]["tokens"]}
    assert len(marks) == CALLERS


@pytest.mark.parametrize("function", [CURRENT, CREATE])
def test_ten_at_once_while_the_first_answer_is_lost(function: str, stack: Stack) -> None:
    stack.control.fault("shopify", "act_then_drop", method="POST")

    answers = ten_at_once(stack, function)

    assert {answer.status for answer in answers} <= {200, 201}
    assert len(token_ids(answers)) == 1
    assert stack.mints("shopify") == 1


def test_those_who_wait_too_long_are_told_to_come_back(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.tokens.issue.WAIT_FOR_OTHERS", 0.2)
    stack.control.fault("chicksx", "act_then_hang", seconds=0.8)

    answers = ten_at_once(stack, CHICKSX)

    assert [answer.status for answer in answers].count(201) == 1
    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) == CALLERS - 1
    assert {(answer.code, answer.retry_after) for answer in refused} == {("mint_in_progress", "1")}
    assert stack.mints("chicksx") == 1
