"""A rotation runs through its functions, with the table and Shopify's simulator behind them."""

from typing import Any

import pytest

from tests.integration.support.functions import CURRENT, LIST, MAINTAIN, ROTATE
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import answer_lost, refusing
from token_broker.lifecycle.rotate import RETRY_AFTER_CALL

OVERLAP = 7 * 24 * 60 * 60


@pytest.fixture
def first(stack: Stack) -> str:
    """Return the id of the current token."""
    return str(stack.worker(CURRENT).api().body["tokenId"])


def work(stack: Stack, seconds: float) -> list[str]:
    """Run the worker so many seconds later and return the sort keys of the due items."""
    stack.clock.offset += seconds
    now = stack.clock.now()
    due = sorted(item["sk"] for item in stack.items() if item.get("dueAt", now + 1) <= now)
    due = [sk for sk in due if sk != "reconciliation#shop"]  # that is another's matter
    if due:
        stack.worker(MAINTAIN).invoke({"merchant": MERCHANT, "items": due})
    return due


def states(stack: Stack) -> dict[str, str]:
    return {item["tokenId"]: item["state"] for item in stack.items() if item["sk"].startswith("token#")}


def told(stack: Stack, kind: str) -> int:
    """Return how many events of this type are in the outbox."""
    return len([item for item in stack.told() if item["type"] == kind])


def at_the_provider(stack: Stack) -> set[str]:
    return {str(token["id"]) for token in stack.control.state()["shopify"][MERCHANT]["tokens"]}


@pytest.mark.usefixtures("both_admin_apis")
def test_the_new_token_is_served_and_the_old_one_ends_with_its_overlap(stack: Stack, first: str) -> None:
    answer = stack.worker(ROTATE).api(body={})

    assert (answer.status, answer.body["state"]) == (202, "done")
    new = answer.body["tokenId"]
    assert stack.cold(CURRENT).api().body["tokenId"] == new
    assert states(stack) == {first: "retiring", new: "current"}
    assert at_the_provider(stack) == {first, new}
    listed = stack.worker(LIST).api().body
    assert {each["tokenId"]: each["state"] for each in listed["tokens"]} == {first: "retiring", new: "current"}
    assert told(stack, "TokenRotated") == 1

    assert work(stack, OVERLAP - 60) == []
    assert work(stack, 70) == [f"token#{first}"]

    assert at_the_provider(stack) == {new}
    assert states(stack) == {first: "revoked", new: "current"}
    assert told(stack, "TokenRevoked") == 1


@pytest.mark.parametrize("acted", [False, True])
def test_the_worker_finishes_a_rotation_after_its_commit_failed(stack: Stack, first: str, *, acted: bool) -> None:
    with refusing(stack.dynamodb, "TransactWriteItems", spared=1, times=1, acted=acted):
        assert stack.worker(ROTATE).api(body={}).status == 202

    work(stack, RETRY_AFTER_CALL + 1)

    assert (states(stack)[first], told(stack, "TokenRotated"), stack.mints("shopify")) == ("retiring", 1, 2)


def test_a_request_whose_answer_was_lost_is_recognised(stack: Stack, first: str) -> None:
    with answer_lost(stack.dynamodb, "TransactWriteItems"):
        answer: Any = stack.worker(ROTATE).api(body={})

    assert (answer.body["state"], states(stack)[first]) == ("done", "retiring")
