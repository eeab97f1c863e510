"""The provider acts and its answer is lost: what was made is found by its mark, and never made twice."""

import json
from typing import Any

import pytest

from tests.integration.support.functions import CHICKSX, CREATE, CURRENT, FOURTHWALL, HttpResponse
from tests.integration.support.in_process_stack import MERCHANT, Stack

LOST: dict[str, dict[str, Any]] = {
    "closed": {"kind": "act_then_drop"},
    "reset": {"kind": "act_then_drop", "reset": True},
    "cut off": {"kind": "truncated"},
    "server error": {"kind": "status", "status": 500, "act": True},
    "bad gateway": {"kind": "status", "status": 502, "act": True},
    "html": {"kind": "garbage", "act": True},
    "not http": {"kind": "malformed", "act": True},
}


def lose(stack: Stack, method: str = "POST", times: int = 1, **fault: Any) -> None:
    stack.control.fault("shopify", fault.pop("kind", "act_then_drop"), method=method, times=times, **fault)


def create(stack: Stack, key: str | None = None, title: str = "Storefront") -> HttpResponse:
    return stack.worker(CREATE).api(body={"title": title}, headers={"Idempotency-Key": key})


def shop(stack: Stack) -> Any:
    return stack.control.state()["shopify"][MERCHANT]


def open_intents(stack: Stack) -> list[dict[str, Any]]:
    return [item for item in stack.items() if "intentId" in item]


@pytest.mark.parametrize("key", [None, "k-1"])
@pytest.mark.parametrize("lost", LOST)
def test_a_lost_create_is_found_within_the_same_call(lost: str, key: str | None, stack: Stack) -> None:
    lose(stack, **LOST[lost])

    answer = create(stack, key)

    assert (answer.status, answer.body["title"]) == (201, "Storefront")
    assert shop(stack)["mints"] == 1
    assert [each["method"] for each in stack.asked("shopify")] == ["POST", "GET"]
    assert open_intents(stack) == []


def test_a_lost_current_token_is_found_too(stack: Stack) -> None:
    lose(stack)

    answer = stack.worker(CURRENT).api()

    assert answer.status == 200
    assert shop(stack)["mints"] == 1
    assert stack.cold(CURRENT).api().body == answer.body


def test_where_the_list_shows_nothing_yet_it_is_not_made_again(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="answer_override", patch={"storefront_access_tokens": []})

    answer = create(stack, "k-1")

    assert (answer.status, answer.code, answer.retry_after) == (504, "provider_unavailable", "1")
    assert shop(stack)["mints"] == 1
    assert len(open_intents(stack)) == 1


def test_a_retry_with_the_key_adopts_what_the_first_call_made(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="status", status=500, times=3)
    assert create(stack, "k-1").code == "provider_unavailable"

    answer = create(stack, "k-1")

    assert answer.status == 201
    assert [token["id"] for token in shop(stack)["tokens"]] == [answer.body["tokenId"]]
    assert shop(stack)["mints"] == 1
    assert open_intents(stack) == []
    assert create(stack, "k-1").body == answer.body


def test_a_retry_without_a_key_makes_another_and_leaves_the_first_to_its_intent(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="status", status=500, times=3)
    assert create(stack).code == "provider_unavailable"

    answer = create(stack)

    assert answer.status == 201
    assert shop(stack)["mints"] == 2
    (intent,) = open_intents(stack)
    assert intent["intentId"] in shop(stack)["tokens"][0]["title"]
    assert "due" in intent


def test_a_retry_of_the_current_token_adopts(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="status", status=500, times=3)
    assert stack.worker(CURRENT).api().code == "provider_unavailable"

    answer = stack.cold(CURRENT).api()

    assert answer.status == 200
    assert shop(stack)["mints"] == 1


def test_a_lost_create_that_never_happened_is_made_by_the_retry(stack: Stack) -> None:
    lose(stack, kind="drop_before_acting")
    assert create(stack, "k-1").code == "provider_unavailable"
    assert len(open_intents(stack)) == 1

    answer = create(stack, "k-1")

    assert answer.status == 201
    assert shop(stack)["mints"] == 1


def test_another_title_cannot_continue_an_open_key(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="status", status=500, times=3)
    create(stack, "k-1")

    assert create(stack, "k-1", "Another").code == "conflict"
    assert shop(stack)["mints"] == 1


def test_a_refusal_after_a_lost_answer_keeps_the_intent(stack: Stack) -> None:
    lose(stack)
    lose(stack, "GET", kind="status", status=500, times=3)
    create(stack, "k-1")
    lose(stack, "GET", kind="answer_override", patch={"storefront_access_tokens": []})
    lose(stack, kind="status", status=422)

    assert create(stack, "k-1").code == "provider_error"
    assert len(open_intents(stack)) == 1
    assert create(stack, "k-1").status == 201
    assert shop(stack)["mints"] == 1


def test_a_key_reused_after_its_day_never_adopts_the_old_token(stack: Stack) -> None:
    """Also where the new create's answer is lost: its mark must be another one than the old token has."""
    first = create(stack, "k-1", "Old title")
    stack.clock.offset += 24 * 60 * 60 + 5
    lose(stack)

    second = create(stack, "k-1", "New title")

    assert second.status == 201
    assert second.body["tokenId"] != first.body["tokenId"]


def test_a_lost_put_is_simply_repeated(stack: Stack) -> None:
    stack.control.fault("fourthwall", "act_then_drop")

    assert stack.worker(FOURTHWALL).api().status == 200
    assert stack.mints("fourthwall") == 1


def test_a_lost_session_token_is_not_asked_for_twice_in_one_call(stack: Stack) -> None:
    stack.control.fault("chicksx", "act_then_drop")

    answer = stack.worker(CHICKSX).api()

    assert (answer.status, answer.code) == (504, "provider_unavailable")
    assert len(stack.asked("chicksx")) == 1
    assert len(open_intents(stack)) == 1


def test_a_lost_exchange_of_credentials_is_repeated(stack: Stack) -> None:
    fields = {"shop": "oauth.myshopify.com", "clientId": "client-of-oauth", "clientSecret": "shpss_secret_of_oauth"}
    stack.control.put_account("shopify", "oauth", **fields)
    stack.secret("shopify", "oauth", json.dumps(fields))
    stack.control.fault("shopify", "act_then_drop", pathContains="oauth")

    assert stack.worker(CURRENT).api(path={"merchant": "oauth"}).status == 200
    assert stack.mints("shopify", "oauth") == 1


def test_a_create_that_drips_leaves_time_to_look_it_up(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.providers.shopify.admin_api.LOOKUP_RESERVE", 0.6)
    stack.control.fault("shopify", "slow_drip", method="POST", secondsPerByte=0.05)

    answer = stack.worker(CREATE).api(seconds=3.2)  # two of them are kept for the answer itself

    assert answer.status == 201
    assert shop(stack)["mints"] == 1
