"""A merchant's secret that is missing or broken, seen from the API: nothing is written, the provider is not asked."""

import json
from typing import Any

import pytest

from tests.integration.support.functions import CHICKSX, CREATE, FOURTHWALL, FUNCTIONS, provider_of
from tests.integration.support.in_process_stack import MERCHANT, Stack

VALUE = "a-value-that-must-not-be-quoted"
BROKEN: dict[str, Any] = {
    FOURTHWALL: {"username": VALUE, "password": VALUE, VALUE: "x"},
    CHICKSX: {"apiKey": VALUE, "clientId": None},
    CREATE: {"shop": f"{VALUE}.attacker.example", "adminAccessToken": VALUE},
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_secret_that_waits_for_its_deletion(function: str, stack: Stack) -> None:
    stack.remove_secret(provider_of(function), RecoveryWindowInDays=7)

    answer = stack.worker(function).api()

    assert (answer.status, answer.code, answer.body["retryable"]) == (404, "merchant_not_found", False)
    assert stack.items() == []
    assert stack.asked(function) == []


@pytest.mark.parametrize(
    ("function", "text"),
    [(each, f'{{"a": "{VALUE}", "a": "{VALUE}"}}') for each in FUNCTIONS]
    + [(each, json.dumps(fields)) for each, fields in BROKEN.items()],
)
def test_a_secret_that_cannot_be_used_is_not_quoted(function: str, text: str, stack: Stack) -> None:
    stack.secret(provider_of(function), MERCHANT, text)
    stack.secret_values.add(VALUE)

    answer = stack.worker(function).api()

    assert (answer.status, answer.code, answer.body["retryable"]) == (502, "merchant_misconfigured", False)
    assert VALUE not in json.dumps(answer.body)
    assert MERCHANT in answer.body["detail"]
    assert stack.items() == []
    assert stack.asked(function) == []
