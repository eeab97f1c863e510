"""A merchant's secret that is missing or broken, seen from the API: nothing is written, the provider is not asked."""

import json
from typing import Any

import pytest

from tests.integration.support.functions import CHICKSX, CREATE, CURRENT, DELETE, FOURTHWALL, FUNCTIONS, provider_of
from tests.integration.support.in_process_stack import MERCHANT, SECRETS, Stack

VALUE = "a-value-that-must-not-be-quoted"
BROKEN: dict[str, list[dict[str, Any]]] = {
    FOURTHWALL: [
        {},
        {"username": VALUE},
        {"username": VALUE, "password": ""},
        {"username": VALUE, "password": 7},
        {"username": VALUE, "password": f"{VALUE}\n"},
        {"username": VALUE, "password": "pässword"},
        {"username": VALUE, "password": VALUE, "accessToken": VALUE},
        {"username": VALUE, "password": VALUE, VALUE: "x"},
        {"clientId": VALUE, "clientSecret": VALUE, "refreshToken": VALUE, "accessToken": VALUE},
    ],
    CHICKSX: [{"apiKey": VALUE}, {"apiKey": VALUE, "clientId": None}, {"apiKey": "x" * 5000, "clientId": VALUE}],
    CREATE: [
        {"shop": "demo.myshopify.com"},
        {"shop": "demo.myshopify.com", "clientId": VALUE},
        {"shop": "attacker.example", "adminAccessToken": VALUE},
        {"shop": "myshopify.com", "adminAccessToken": VALUE},
        {"shop": "shop.myshopify.com@evil.com", "adminAccessToken": VALUE},
        {"shop": "myshopify.com.evil.com", "adminAccessToken": VALUE},
        {"shop": "attacker.com/.myshopify.com", "adminAccessToken": VALUE},
        {"shop": "demo.myshopify.com", "adminAccessToken": VALUE, "apiVersion": "../../oauth"},
        {"shop": "demo.myshopify.com", "adminAccessToken": VALUE, "apiVersion": "2026-13"},
        {"shop": "demo.myshopify.com", "adminAccessToken": VALUE, "refreshToken": VALUE},
        {"shop": "demo.myshopify.com", "app": "storefronts", "clientId": VALUE, "clientSecret": VALUE},
        {"shop": "demo.myshopify.com", "app": "storefronts", "adminAccessToken": VALUE, "refreshToken": VALUE},
        {"shop": "demo.myshopify.com", "app": "../chicksx/demo", "refreshToken": VALUE},
    ],
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_secret_that_waits_for_its_deletion(function: str, stack: Stack) -> None:
    stack.remove_secret(provider_of(function), RecoveryWindowInDays=7)

    answer = stack.worker(function).api()

    assert (answer.status, answer.code, answer.body["retryable"]) == (404, "merchant_not_found", False)
    assert stack.items() == []
    assert stack.asked(function) == []


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("text", [VALUE, f'["{VALUE}"]', f'{{"a": "{VALUE}", "a": "{VALUE}"}}'], ids=str)
def test_a_secret_that_is_no_json_object(function: str, text: str, stack: Stack) -> None:
    stack.secret(provider_of(function), MERCHANT, text)

    answer = stack.worker(function).api()

    assert (answer.status, answer.code, answer.body["retryable"]) == (502, "merchant_misconfigured", False)
    assert VALUE not in json.dumps(answer.body)
    assert stack.items() == []
    assert stack.asked(function) == []


@pytest.mark.parametrize(
    ("function", "fields"), [(function, fields) for function, many in BROKEN.items() for fields in many], ids=str
)
def test_a_secret_with_wrong_fields(function: str, fields: dict[str, Any], stack: Stack) -> None:
    stack.secret(provider_of(function), MERCHANT, json.dumps(fields))
    stack.secret_values.add(VALUE)

    answer = stack.worker(function).api()

    assert (answer.status, answer.code) == (502, "merchant_misconfigured")
    assert VALUE not in json.dumps(answer.body)
    assert MERCHANT in answer.body["detail"]
    assert stack.items() == []
    assert stack.asked(function) == []


def test_a_secret_that_breaks_later_leaves_a_revocation_unmarked(stack: Stack) -> None:
    made = stack.worker(CREATE).api()
    stack.secret("shopify", MERCHANT, "broken")

    answer = stack.cold(DELETE).api(path={"tokenId": made.body["tokenId"]})

    assert answer.code == "merchant_misconfigured"
    states = [item["state"] for item in stack.items() if item["sk"].startswith("token#")]
    assert states == ["standing"]


def test_a_stored_token_is_served_although_the_secret_is_gone(stack: Stack) -> None:
    first = stack.worker(CURRENT).api()
    stack.remove_secret("shopify", ForceDeleteWithoutRecovery=True)

    assert stack.cold(CURRENT).api().body == first.body


def test_a_credential_that_the_provider_refuses_is_read_afresh_once(stack: Stack) -> None:
    refused = {**SECRETS["chicksx"], "apiKey": "cx-a-refused-key"}
    stack.secret("chicksx", MERCHANT, json.dumps(refused))
    stack.secret_values.add("cx-a-refused-key")

    answer = stack.worker(CHICKSX).api()

    assert (answer.status, answer.code) == (502, "provider_rejected_credentials")
    assert answer.body["provider"] == {
        "status": 401,
        "code": "INVALID_INPUT",
        "message": "Invalid API key or client identifier",
    }
    assert len(stack.asked("chicksx")) == 2
