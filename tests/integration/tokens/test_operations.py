"""What a caller gets when all is well: issued, served again, listed, revoked, replayed."""

import json
from typing import Any

import pytest

from tests.integration.support.functions import CHICKSX, CREATE, CURRENT, DELETE, FOURTHWALL, LIST, HttpResponse
from tests.integration.support.in_process_stack import MERCHANT, SECRETS, Stack

DAY = 24 * 60 * 60


def create(stack: Stack, title: str = "Storefront", key: str | None = None, **more: Any) -> HttpResponse:
    answer = stack.worker(CREATE).api(body={"title": title}, headers={"Idempotency-Key": key}, **more)
    if answer.status == 201:
        stack.secret_values.add(answer.body["accessToken"])
    return answer


def delete(stack: Stack, token_id: str, foreign: str | None = None) -> HttpResponse:
    return stack.worker(DELETE).api(path={"tokenId": token_id}, query={} if foreign is None else {"foreign": foreign})


def rows(stack: Stack) -> dict[str, dict[str, Any]]:
    answer = stack.worker(LIST).api()
    assert answer.status == 200
    return {row["tokenId"]: row for row in answer.body["tokens"]}


@pytest.mark.usefixtures("both_admin_apis")
def test_the_current_token_is_minted_once_and_served_from_memory_then_from_the_record(stack: Stack) -> None:
    first = stack.worker(CURRENT).api()
    stack.secret_values.add(first.body["accessToken"])
    asked = len(stack.asked("shopify"))

    warm = stack.worker(CURRENT).api()
    cold = stack.cold(CURRENT).api()

    assert first.status == 200
    assert first.body == warm.body == cold.body
    assert len(stack.asked("shopify")) == asked
    assert first.body["use"] == {
        "in": "header",
        "name": "X-Shopify-Storefront-Access-Token",
        "url": "https://demo.myshopify.com/api/2026-10/graphql.json",
    }


@pytest.mark.usefixtures("both_admin_apis")
def test_the_mark_is_at_the_provider_and_in_no_answer(stack: Stack) -> None:
    answer = create(stack, "Café ☕")

    (token,) = stack.control.state()["shopify"][MERCHANT]["tokens"]
    assert token["title"].startswith("Café ☕ [tb:")
    assert answer.body["title"] == "Café ☕"
    assert rows(stack)[answer.body["tokenId"]]["title"] == "Café ☕"


def test_a_session_has_one_token(stack: Stack) -> None:
    first = stack.worker(CHICKSX).api()
    again = stack.cold(CHICKSX).api()
    stack.secret_values.add(first.body["accessToken"])

    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert first.body["subject"] == "session:session-123abc"
    assert stack.mints("chicksx") == 1


def test_a_session_is_asked_again_with_the_same_or_no_scopes_but_not_with_others(stack: Stack) -> None:
    worker = stack.worker(CHICKSX)
    worker.api(body={"sessionId": "s", "scope": ["wallet.read", "merchant.read"]})

    assert worker.api(body={"sessionId": "s", "scope": ["merchant.read", "wallet.read"]}).status == 200
    assert worker.api(body={"sessionId": "s"}).status == 200
    refused = worker.api(body={"sessionId": "s", "scope": ["wallet.write"]})
    assert (refused.status, refused.code) == (409, "conflict")


def test_a_session_gets_a_new_token_within_the_margin_of_the_old_ones_end(stack: Stack) -> None:
    stack.merchant("chicksx", tokenSeconds=100)
    first = stack.worker(CHICKSX).api(body={"sessionId": "s"})
    stack.clock.offset += 41

    second = stack.worker(CHICKSX).api(body={"sessionId": "s"})

    assert (first.status, second.status) == (201, 201)
    assert first.body["tokenId"] != second.body["tokenId"]


def test_a_token_shorter_than_the_margin_is_answered_when_minted_and_never_again(stack: Stack) -> None:
    stack.merchant("chicksx", tokenSeconds=30)

    assert stack.worker(CHICKSX).api(body={"sessionId": "s"}).status == 201
    assert stack.worker(CHICKSX).api(body={"sessionId": "s"}).status == 201


@pytest.mark.usefixtures("both_admin_apis")
def test_tokens_are_listed_ours_and_foreign(stack: Stack) -> None:
    (foreign,) = stack.control.plant_tokens(MERCHANT, title="Theirs")
    ours = create(stack)
    current = stack.worker(CURRENT).api()

    listed = rows(stack)

    assert listed[ours.body["tokenId"]].items() >= (ours.body | {"origin": "broker", "state": "standing"}).items()
    assert listed[current.body["tokenId"]]["state"] == "current"
    theirs = listed[str(foreign["id"])]
    assert (theirs["origin"], theirs["accessToken"], theirs["title"]) == ("foreign", None, "Theirs")
    assert len(theirs["fingerprint"]) == 12


def test_another_stacks_tokens_are_foreign(stack: Stack) -> None:
    (foreign,) = stack.control.plant_tokens(MERCHANT, title=f"Storefront [tb:{'z' * 8}:{'z' * 26}]")

    assert rows(stack)[str(foreign["id"])]["origin"] == "foreign"


def test_a_token_that_shopify_lists_no_more_is_lost(stack: Stack) -> None:
    made = create(stack)
    stack.control.fault("shopify", "answer_override", method="GET", patch={"storefront_access_tokens": []})

    row = rows(stack)[made.body["tokenId"]]

    assert (row["state"], row["accessToken"]) == ("lost", None)


@pytest.mark.usefixtures("both_admin_apis")
def test_a_revocation_is_confirmed_and_confirmed_again(stack: Stack) -> None:
    made = create(stack)

    first, again = delete(stack, made.body["tokenId"]), delete(stack, made.body["tokenId"])

    assert (first.status, first.body) == (200, {"revocation": "confirmed"})
    assert (again.status, again.body) == (200, {"revocation": "confirmed"})
    assert stack.control.state()["shopify"][MERCHANT]["tokens"] == []
    assert made.body["tokenId"] not in rows(stack)


def test_a_revoked_current_token_is_replaced_by_the_next_call(stack: Stack) -> None:
    first = stack.worker(CURRENT).api()
    assert delete(stack, first.body["tokenId"]).status == 200

    second = stack.cold(CURRENT).api()

    assert second.status == 200
    assert second.body["tokenId"] != first.body["tokenId"]


@pytest.mark.usefixtures("both_admin_apis")
def test_a_foreign_token_is_revoked_only_where_that_is_said(stack: Stack) -> None:
    (foreign,) = stack.control.plant_tokens(MERCHANT, title="Theirs")
    token_id = str(foreign["id"])

    refused = delete(stack, token_id)
    assert (refused.status, refused.code) == (409, "conflict")
    assert (delete(stack, token_id, "false").status, len(stack.items())) == (409, 1)  # the broker's id

    assert delete(stack, token_id, "true").status == 200
    assert delete(stack, token_id).body == {"revocation": "confirmed"}


def test_an_id_that_nobody_knows(stack: Stack) -> None:
    answer = delete(stack, "424242")

    assert (answer.status, answer.code, answer.body["retryable"]) == (404, "token_not_found", False)


def test_the_same_idempotency_key_gives_the_same_token(stack: Stack) -> None:
    first, again = create(stack, key="k-1"), create(stack, key="k-1")

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert create(stack, key="k-2").body["tokenId"] != first.body["tokenId"]
    assert stack.mints("shopify") == 2


def test_the_same_key_with_another_title_is_a_conflict(stack: Stack) -> None:
    create(stack, key="k-1")

    answer = create(stack, "Another", key="k-1")

    assert (answer.status, answer.code) == (409, "conflict")
    assert stack.mints("shopify") == 1


def test_two_callers_keys_are_two_keys(stack: Stack) -> None:
    first = create(stack, key="k-1")
    other = create(stack, key="k-1", identity={"userArn": "arn:aws:iam::123456789012:user/bob"})

    assert first.body["tokenId"] != other.body["tokenId"]


def test_a_revoked_token_is_never_given_again(stack: Stack) -> None:
    first = create(stack, key="k-1")
    delete(stack, first.body["tokenId"])

    answer = create(stack, key="k-1")

    assert (answer.status, answer.code) == (409, "conflict")
    assert stack.mints("shopify") == 1


def test_after_its_day_a_key_makes_a_new_token_with_the_new_title(stack: Stack) -> None:
    first = create(stack, "Old title", key="k-1")
    stack.clock.offset += DAY + 5

    second = create(stack, "New title", key="k-1")

    assert second.status == 201
    assert second.body["tokenId"] != first.body["tokenId"]
    assert rows(stack)[second.body["tokenId"]]["title"] == "New title"
    titles = [token["title"] for token in stack.control.state()["shopify"][MERCHANT]["tokens"]]
    assert [title.partition(" [tb:")[0] for title in titles] == ["Old title", "New title"]


def test_fourthwalls_token_is_asked_for_again_after_a_day_and_kept(stack: Stack) -> None:
    first = stack.worker(FOURTHWALL).api(headers={"Cache-Control": None})
    stack.clock.offset += DAY

    again = stack.worker(FOURTHWALL).api(headers={"Cache-Control": None})

    assert first.body == again.body
    assert len(stack.asked("fourthwall")) == 2


def test_no_cache_asks_fourthwall_at_once(stack: Stack) -> None:
    first = stack.worker(FOURTHWALL).api(headers={"Cache-Control": None})
    stack.control.renew_fourthwall_token(MERCHANT)

    assert stack.worker(FOURTHWALL).api(headers={"Cache-Control": None}).body == first.body
    second = stack.worker(FOURTHWALL).api(headers={"Cache-Control": "no-cache"})
    assert second.body["accessToken"] != first.body["accessToken"]
    assert stack.cold(FOURTHWALL).api(headers={"Cache-Control": None}).body == second.body


def test_fourthwall_failing_at_the_days_end_does_not_take_the_token_away(stack: Stack) -> None:
    first = stack.worker(FOURTHWALL).api(headers={"Cache-Control": None})
    stack.clock.offset += DAY
    stack.control.fault("fourthwall", "status", status=503, times=3)

    again = stack.worker(FOURTHWALL).api(headers={"Cache-Control": None})

    assert (again.status, again.body) == (200, first.body)


def test_a_changed_secret_works_at_once(stack: Stack) -> None:
    stack.worker(LIST).api()
    changed = {**SECRETS["shopify"], "adminAccessToken": "shpat_the_next_admin_token"}
    stack.control.put_account("shopify", MERCHANT, **changed)
    assert stack.worker(LIST).api().code == "provider_rejected_credentials"

    stack.secret("shopify", MERCHANT, json.dumps(changed))

    assert stack.worker(LIST).api().status == 200


def test_a_bought_admin_token_that_was_ended_is_bought_again(stack: Stack) -> None:
    fields = {"shop": "oauth.myshopify.com", "clientId": "client-of-oauth", "clientSecret": "shpss_secret_of_oauth"}
    stack.control.put_account("shopify", "oauth", **fields)
    stack.secret("shopify", "oauth", json.dumps(fields))
    path = {"merchant": "oauth"}
    assert stack.worker(CREATE).api(path=path).status == 201
    assert stack.control.revoke_admin_tokens("oauth") == 1

    assert stack.worker(CREATE).api(path=path, body={"title": "Two"}, headers={"Idempotency-Key": None}).status == 201
    assert stack.control.state()["shopify"]["oauth"]["exchanges"] == 2


def test_the_unversioned_address_serves_too(stack: Stack) -> None:
    fields = {"shop": "classic.myshopify.com", "adminAccessToken": "shpat_admin_of_classic"}
    stack.control.put_account("shopify", "classic", **fields)
    stack.secret("shopify", "classic", json.dumps({**fields, "apiVersion": "unversioned"}))

    answer = stack.worker(CURRENT).api(path={"merchant": "classic"})

    assert answer.status == 200
    assert "admin_graphql_api_id" not in answer.body["providerData"]
    assert {each["path"] for each in stack.asked("shopify")} == {"/admin/storefront_access_tokens.json"}
