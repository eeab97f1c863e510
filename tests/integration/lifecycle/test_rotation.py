"""Rotation through its handlers, with the table and the providers' simulators behind them."""

from typing import Any

import pytest

from tests.integration.support.concurrency import OneByOne, Quiet, at_once
from tests.integration.support.functions import CURRENT, DELETE, FOURTHWALL, LIST, MAINTAIN, ROTATE, cold_start
from tests.integration.support.in_process_stack import MERCHANT, Stack
from tests.integration.support.outages import answer_lost, refusing
from token_broker import errors, wiring
from token_broker.clock import SystemClock
from token_broker.lifecycle.rotate import JOIN_WINDOW, RETRY_AFTER_CALL
from token_broker.tokens.succession import CACHES_CLEARED_AFTER

OVERLAP = 7 * 24 * 60 * 60
CALLERS = 50


@pytest.fixture
def first(stack: Stack) -> str:
    """Return the id of the current token."""
    return str(stack.worker(CURRENT).api().body["tokenId"])


def rotate(stack: Stack, *, function: str = ROTATE, **body: Any) -> Any:
    return stack.worker(function).api(body=body)


def served(stack: Stack) -> str:
    """Return the id of the token that a cold worker serves."""
    return str(stack.cold(CURRENT).api().body["tokenId"])


def work(stack: Stack, seconds: float = 0) -> list[str]:
    """Run the worker so many seconds later and return the sort keys of the due items."""
    stack.clock.offset += seconds
    now = stack.clock.now()
    due = sorted(
        item["sk"]
        for item in stack.items()
        if item.get("dueAt", now + 1) <= now
        and item["pk"] == f"shopify#{MERCHANT}"
        and item["sk"] != "reconciliation#shop"  # the daily comparison is another's matter
    )
    if due:
        stack.worker(MAINTAIN).invoke({"merchant": MERCHANT, "items": due})
    return due


def records(stack: Stack) -> dict[str, dict[str, Any]]:
    return {item["tokenId"]: item for item in stack.items() if item["sk"].startswith("token#")}


def states(stack: Stack) -> dict[str, str]:
    return {token_id: item["state"] for token_id, item in records(stack).items()}


def told(stack: Stack, *kinds: str) -> list[dict[str, Any]]:
    """Return the events of these types in the outbox."""
    pages = stack.dynamodb.get_paginator("scan").paginate(TableName=stack.table)
    outbox = [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("outbox#")]
    return [item for item in outbox if item["type"]["S"] in kinds]


def at_the_provider(stack: Stack) -> set[str]:
    return {str(token["id"]) for token in stack.control.state()["shopify"][MERCHANT]["tokens"]}


@pytest.mark.usefixtures("both_admin_apis")
def test_the_new_token_is_served_and_the_old_one_ends_with_its_overlap(stack: Stack, first: str) -> None:
    answer = rotate(stack)

    assert (answer.status, answer.body["state"]) == (202, "done")
    new = answer.body["tokenId"]
    assert served(stack) == new
    assert states(stack) == {first: "retiring", new: "current"}
    assert at_the_provider(stack) == {first, new}
    listed = stack.worker(LIST).api().body
    assert {each["tokenId"]: each["state"] for each in listed["tokens"]} == {first: "retiring", new: "current"}
    assert len(told(stack, "TokenRotated")) == 1

    assert work(stack, OVERLAP - 60) == []
    assert work(stack, 70) == [f"token#{first}"]

    assert at_the_provider(stack) == {new}
    assert states(stack) == {first: "revoked", new: "current"}
    assert len(told(stack, "TokenRevoked")) == 1


def test_the_histories_are_whole(stack: Stack, first: str) -> None:
    new = rotate(stack, compromised=True).body["tokenId"]
    work(stack, CACHES_CLEARED_AFTER + 1)

    found = records(stack)
    assert [(line.get("from"), line["to"], line["why"]) for line in found[first]["history"]] == [
        (None, "current", "minted"),
        ("current", "revoking", "compromised"),
        ("revoking", "revoked", "compromised"),
    ]
    assert [(line.get("from"), line["to"], line["why"]) for line in found[new]["history"]] == [
        (None, "current", "rotated")
    ]
    assert all(line["by"] and line["at"] for item in found.values() for line in item["history"])


def test_no_event_contains_a_token_value(stack: Stack, first: str) -> None:
    values = {stack.worker(CURRENT).api().body["accessToken"]}
    rotate(stack, compromised=True)
    values.add(stack.cold(CURRENT).api().body["accessToken"])
    work(stack, CACHES_CLEARED_AFTER + 1)

    outbox = str(told(stack, "TokenIssued", "TokenRotated", "TokenRevoked"))
    assert first in outbox
    assert [value for value in values if value in outbox] == []


def test_compromised_is_asked_of_the_provider_once_no_memory_has_it(stack: Stack, first: str) -> None:
    answer = rotate(stack, compromised=True)

    assert "overlapEndsAt" not in answer.body
    assert states(stack)[first] == "revoking"
    assert work(stack, CACHES_CLEARED_AFTER - 5) == []
    assert first in at_the_provider(stack)
    work(stack, 6)
    assert at_the_provider(stack) == {answer.body["tokenId"]}


def test_compromised_ends_what_an_ordinary_one_left_retiring(stack: Stack, first: str) -> None:
    second = rotate(stack).body["tokenId"]

    third = rotate(stack, compromised=True).body["tokenId"]

    assert states(stack) == {first: "revoking", second: "revoking", third: "current"}


def test_a_direct_invocation_does_the_same(stack: Stack, first: str) -> None:
    answer = stack.worker(ROTATE).invoke({"merchant": MERCHANT, "compromised": True})

    assert answer["previousTokenId"] == first
    assert (answer["state"], answer["compromised"]) == ("done", True)
    with pytest.raises(errors.MerchantNotFound):
        stack.worker(ROTATE).invoke({"merchant": "nobody"})


def test_requests_within_a_minute_are_one_rotation(stack: Stack, first: str) -> None:
    answers = [rotate(stack) for _ in range(3)]
    stack.clock.offset += JOIN_WINDOW
    answers.append(rotate(stack))

    assert [answer.status for answer in answers] == [202] * 4
    ids = [answer.body["rotationId"] for answer in answers]
    assert (ids[0], len(set(ids))) == (ids[2], 2)
    assert stack.mints("shopify") == 3
    assert states(stack)[first] == "retiring"


@pytest.mark.parametrize("compromised", [False, True])
def test_fifty_at_once_make_one_token(
    stack: Stack, first: str, monkeypatch: pytest.MonkeyPatch, *, compromised: bool
) -> None:
    monkeypatch.setattr(wiring, "client", OneByOne.clients(stack))
    stack.worker(ROTATE)
    workers = [cold_start(ROTATE, clock=SystemClock(), telemetry=Quiet()) for _ in range(CALLERS)]

    answers = at_once(workers, body={"compromised": compromised})

    assert [answer.status for answer in answers] == [202] * CALLERS
    assert len({answer.body["rotationId"] for answer in answers}) == 1
    assert stack.mints("shopify") == 2
    assert states(stack)[first] == ("revoking" if compromised else "retiring")


@pytest.mark.parametrize(
    "body", ['{"compromised":"yes"}', '{"compromised":1}', '{"other":true}', "[]", "{", '{"compromised":null}']
)
def test_a_body_that_is_wrong_changes_nothing(stack: Stack, first: str, body: str) -> None:
    answer = stack.worker(ROTATE).api(raw_body=body)

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert states(stack) == {first: "current"}
    assert [item for item in stack.items() if item["sk"] == "rotation#shop"] == []


def test_an_unknown_merchant_is_unknown(stack: Stack) -> None:
    answer = stack.worker(ROTATE).api(path={"merchant": "nobody"})

    assert (answer.status, answer.code) == (404, "merchant_not_found")
    assert stack.items() == []


def test_at_the_limit_the_old_one_stays(stack: Stack, first: str) -> None:
    stack.control.plant_tokens(MERCHANT, count=99)

    answer = rotate(stack)

    assert (answer.status, answer.code) == (409, "token_limit_reached")
    assert served(stack) == first
    assert states(stack) == {first: "current"}
    assert len(told(stack, "RotationFailed")) == 1


def test_the_worker_finishes_a_rotation_after_the_provider_was_down(stack: Stack, first: str) -> None:
    stack.control.fault("shopify", "status", method="POST", status=429, times=9)

    answer = rotate(stack)

    assert (answer.status, answer.body["state"]) == (202, "pending")
    assert answer.body["failure"] == "provider_throttled"
    assert served(stack) == first
    stack.control.forget_faults()
    assert work(stack, RETRY_AFTER_CALL + 1) == ["rotation#shop"]
    new = served(stack)
    assert states(stack) == {first: "retiring", new: "current"}
    assert len(told(stack, "RotationFailed")) == 1


def test_a_lost_answer_is_looked_up_in_the_same_call(stack: Stack, first: str) -> None:
    stack.control.fault("shopify", "act_then_drop", method="POST")

    answer = rotate(stack)

    assert answer.body["state"] == "done"
    assert at_the_provider(stack) == {first, answer.body["tokenId"]}
    assert stack.mints("shopify") == 2


@pytest.mark.parametrize("fault", ["status", "garbage"])
def test_a_list_that_cannot_be_read_loses_no_token(stack: Stack, first: str, fault: str) -> None:
    more = {"status": 503} if fault == "status" else {}
    stack.control.fault("shopify", fault, method="GET", times=9, **more)

    rotate(stack)

    assert served(stack) == first
    stack.control.forget_faults()
    for _ in range(2):
        work(stack, RETRY_AFTER_CALL + 1)
    assert stack.mints("shopify") == 2
    assert set(states(stack).values()) == {"retiring", "current"}
    assert states(stack)[first] == "retiring"


def test_a_merchant_whose_secret_goes_meanwhile_is_done_once_it_is_back(stack: Stack, first: str) -> None:
    stack.control.fault("shopify", "status", method="POST", status=503, times=9)
    rotate(stack)
    stack.control.forget_faults()
    stack.remove_secret("shopify", ForceDeleteWithoutRecovery=True)
    stack.cold(MAINTAIN)

    work(stack, RETRY_AFTER_CALL + 1)

    assert states(stack) == {first: "current"}
    stack.merchant("shopify")
    stack.cold(MAINTAIN)
    work(stack, 3601)
    assert states(stack)[first] == "retiring"


def test_the_worker_finishes_a_rotation_after_its_commit_failed(stack: Stack, first: str) -> None:
    with refusing(stack.dynamodb, "TransactWriteItems", spared=1, times=1):
        answer = rotate(stack)

    assert (answer.status, served(stack)) == (202, first)
    work(stack, RETRY_AFTER_CALL + 1)
    assert states(stack)[first] == "retiring"
    assert stack.mints("shopify") == 2


def test_a_publication_whose_answer_was_lost_is_told_once(stack: Stack, first: str) -> None:
    with refusing(stack.dynamodb, "TransactWriteItems", spared=1, times=1, acted=True):
        rotate(stack)

    work(stack, RETRY_AFTER_CALL + 1)

    assert states(stack)[first] == "retiring"
    assert len(told(stack, "TokenRotated")) == 1
    assert stack.mints("shopify") == 2


def test_a_wish_whose_answer_was_lost_is_recognised(stack: Stack, first: str) -> None:
    with answer_lost(stack.dynamodb, "TransactWriteItems"):
        answer = rotate(stack)

    assert answer.body["state"] == "done"
    assert states(stack)[first] == "retiring"


def test_the_old_one_can_be_revoked_by_name_before_its_time(stack: Stack, first: str) -> None:
    new = rotate(stack).body["tokenId"]

    assert stack.worker(DELETE).api(path={"tokenId": first}, query={}).body == {"revocation": "confirmed"}

    assert at_the_provider(stack) == {new}
    assert work(stack, OVERLAP) == []


def test_fourthwalls_change_is_noticed_and_told(stack: Stack) -> None:
    stack.worker(FOURTHWALL).api()
    assert rotate(stack, function="fourthwall/rotate").body == {"rotation": "unsupported", "changed": False}
    stack.control.renew_fourthwall_token(MERCHANT)

    answer = rotate(stack, function="fourthwall/rotate")

    assert (answer.status, answer.body) == (200, {"rotation": "unsupported", "changed": True})
    (event,) = told(stack, "TokenRotated")
    assert "rotationId" not in event["detail"]["M"] or event["detail"]["M"]["rotationId"] == {"NULL": True}


def test_chicksx_tokens_end_by_themselves(stack: Stack) -> None:
    answer = rotate(stack, function="chicksx/rotate", compromised=True)

    assert (answer.status, answer.body) == (200, {"rotation": "unsupported", "changed": False})
    assert stack.asked("chicksx") == []
