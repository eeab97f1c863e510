"""What a caller gets when all is well: issued, served again, listed, revoked."""

from typing import Any

import pytest

from tests.integration.support.functions import CREATE, CURRENT, DELETE, LIST, HttpResponse
from tests.integration.support.in_process_stack import MERCHANT, Stack


def create(stack: Stack, title: str = "Storefront") -> HttpResponse:
    answer = stack.worker(CREATE).api(body={"title": title}, headers={"Idempotency-Key": None})
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
def test_tokens_are_listed_ours_and_foreign(stack: Stack) -> None:
    titles = ("Theirs", f"Storefront [tb:{'z' * 8}:{'z' * 26}]")
    foreign = [stack.control.plant_tokens(MERCHANT, title=title)[0] for title in titles]
    ours, current = create(stack, "Café ☕"), stack.worker(CURRENT).api()

    listed = rows(stack)

    assert listed[ours.body["tokenId"]].items() >= (ours.body | {"origin": "broker", "state": "standing"}).items()
    assert listed[ours.body["tokenId"]]["title"] == ours.body["title"] == "Café ☕"
    assert [token["title"].partition(" [tb:")[0] for token in stack.control.state()["shopify"][MERCHANT]["tokens"]] == [
        "Theirs",
        "Storefront",
        "Café ☕",
        "Token Broker",
    ]
    assert listed[current.body["tokenId"]]["state"] == "current"
    for theirs, title in ((listed[str(token["id"])], token["title"]) for token in foreign):
        assert (theirs["origin"], theirs["accessToken"], theirs["title"]) == ("foreign", None, title)
        assert len(theirs["fingerprint"]) == 12


@pytest.mark.usefixtures("both_admin_apis")
def test_a_foreign_token_is_revoked_only_where_that_is_said(stack: Stack) -> None:
    (foreign,) = stack.control.plant_tokens(MERCHANT, title="Theirs")
    token_id = str(foreign["id"])

    refused = delete(stack, token_id)
    assert (refused.status, refused.code) == (409, "conflict")
    assert (delete(stack, token_id, "false").status, len(stack.items())) == (409, 1)  # the broker's id
    unknown = delete(stack, "424242")
    assert (unknown.status, unknown.code, unknown.body["retryable"]) == (404, "token_not_found", False)

    assert delete(stack, token_id, "true").status == 200
    assert delete(stack, token_id).body == {"revocation": "confirmed"}
