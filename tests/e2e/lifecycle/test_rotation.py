"""On the deployed stack a rotation mints first, requests are merged, and the worker revokes the replaced token."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import problem_of, raised_problem, token_of
from tests.e2e.support.routes import FOURTHWALL, ROTATIONS, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

CALLERS = 10
#: Seconds for a message to be taken and worked on, and for what a function has in memory to be forgotten.
FORGOTTEN = 45.0


@pytest.fixture
def shop(merchants: Merchants, control: ControlClient) -> Merchant:
    return merchants.shopify()


def current(stack: Stack, shop: Merchant) -> str:
    return str(token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)))["tokenId"])


def rotate(stack: Stack, merchant: Merchant, body: Any = None) -> Any:
    return stack.call("POST", ROTATIONS[merchant.provider].format(merchant=merchant.name), body)


def items_of(table: TokenTable, shop: Merchant) -> dict[str, dict[str, Any]]:
    return table.partition(f"shopify#{shop.name}")


def states(table: TokenTable, shop: Merchant) -> dict[str, str]:
    return {item["tokenId"]: item["state"] for sk, item in items_of(table, shop).items() if sk.startswith("token#")}


def at_the_provider(control: ControlClient, shop: Merchant) -> set[str]:
    return {str(token["id"]) for token in control.state()["shopify"][shop.name]["tokens"]}


def bring_forward(aws: Aws, table: TokenTable, shop: Merchant) -> None:
    """As if the time until then had passed."""
    for sk, item in items_of(table, shop).items():
        if "dueAt" in item:
            aws("dynamodb").update_item(
                TableName=table.name,
                Key={"pk": {"S": f"shopify#{shop.name}"}, "sk": {"S": sk}},
                UpdateExpression="SET dueAt = :past",
                ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 1)}},
            )


def test_the_old_token_works_until_its_overlap_is_over(
    stack: Stack, aws: Aws, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    old = current(stack, shop)

    answer = rotate(stack, shop)

    assert answer.status_code == 202, answer.text
    new = answer.json()["tokenId"]
    assert (answer.json()["state"], answer.json()["previousTokenId"]) == ("done", old)
    assert at_the_provider(control, shop) == {old, new}
    assert states(table, shop) == {old: "retiring", new: "current"}
    wait_until(lambda: current(stack, shop) == new, "the old one is forgotten", patience=FORGOTTEN)

    bring_forward(aws, table, shop)
    dispatcher_runs.run(stack)

    wait_until(lambda: states(table, shop)[old] == "revoked")
    assert at_the_provider(control, shop) == {new}
    history = items_of(table, shop)[f"token#{old}"]["history"]
    assert [(line["to"], line["why"]) for line in history] == [
        ("current", "minted"),
        ("retiring", "rotated"),
        ("revoking", "rotated"),
        ("revoked", "rotated"),
    ]
    assert all(line["by"] for line in history)


def all_at_once(call: Callable[[], Any]) -> list[Any]:
    start = threading.Barrier(CALLERS)

    def caller(_number: int) -> Any:
        start.wait(10)
        return call()

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


def test_many_at_once_are_one_rotation(
    stack: Stack, control: ControlClient, merchants: Merchants, shop: Merchant, table: TokenTable
) -> None:
    old = current(stack, shop)
    nobody = ROTATIONS["shopify"].format(merchant=merchants.nobody())
    # A process for each of them, so that what follows really happens at once.
    assert {answer.status_code for answer in all_at_once(lambda: stack.call("POST", nobody))} == {404}

    answers = all_at_once(lambda: rotate(stack, shop))

    assert {answer.status_code for answer in answers} == {202}, {answer.text for answer in answers}
    assert len({answer.json()["rotationId"] for answer in answers}) == 1
    assert control.state()["shopify"][shop.name]["mints"] == 2
    assert sorted(states(table, shop).values()) == ["current", "retiring"]
    assert states(table, shop)[old] == "retiring"


def test_the_worker_revokes_a_compromised_token_at_the_provider(
    stack: Stack, aws: Aws, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    old = current(stack, shop)
    ordinary = rotate(stack, shop).json()["tokenId"]

    answer, error = stack.invoke("shopify/rotate", {"merchant": shop.name, "compromised": True})

    assert error is None, answer
    assert states(table, shop) == {old: "revoking", ordinary: "revoking", answer["tokenId"]: "current"}
    assert at_the_provider(control, shop) == {old, ordinary, answer["tokenId"]}
    dispatcher_runs.run(stack)
    assert at_the_provider(control, shop) == {old, ordinary, answer["tokenId"]}, "a memory may still have them"
    bring_forward(aws, table, shop)
    dispatcher_runs.run(stack)
    wait_until(lambda: at_the_provider(control, shop) == {answer["tokenId"]})


def test_the_worker_continues_a_rotation_that_the_provider_rejected(
    stack: Stack, aws: Aws, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    old = current(stack, shop)
    control.fault("shopify", "status", status=429, method="POST", times=9)
    answer = rotate(stack, shop)
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    control.forget_faults()

    bring_forward(aws, table, shop)
    dispatcher_runs.run(stack)

    wait_until(lambda: states(table, shop)[old] == "retiring")
    assert "dueAt" not in items_of(table, shop)["rotation#shop"]


def test_a_lost_answer_makes_no_second_token(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    old = current(stack, shop)
    control.fault("shopify", "act_then_drop", method="POST")

    answer = rotate(stack, shop)

    assert answer.json()["state"] == "done"
    assert states(table, shop) == {old: "retiring", answer.json()["tokenId"]: "current"}
    assert at_the_provider(control, shop) == set(states(table, shop))


def test_at_the_limit_the_caller_is_told_and_the_old_token_stays(
    stack: Stack, control: ControlClient, shop: Merchant
) -> None:
    old = current(stack, shop)
    control.plant_tokens(shop.name, count=99)

    problem_of(rotate(stack, shop), 409, "token_limit_reached")

    assert current(stack, shop) == old


def test_a_retiring_token_can_be_ended_by_name(stack: Stack, control: ControlClient, shop: Merchant) -> None:
    old = current(stack, shop)
    new = rotate(stack, shop).json()["tokenId"]

    answer = stack.call("DELETE", f"{SHOPIFY.format(merchant=shop.name)}/{old}")

    assert (answer.status_code, answer.json()) == (200, {"revocation": "confirmed"})
    assert at_the_provider(control, shop) == {new}


def test_fourthwalls_change_is_noticed(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    merchant = merchants.fourthwall()
    token_of(stack.call("PUT", FOURTHWALL.format(merchant=merchant.name)))
    assert rotate(stack, merchant).json() == {"rotation": "unsupported", "changed": False}
    control.renew_fourthwall_token(merchant.name)

    answer = rotate(stack, merchant)

    assert (answer.status_code, answer.json()) == (200, {"rotation": "unsupported", "changed": True})


def test_chicksx_tokens_are_not_rotated(stack: Stack, merchants: Merchants) -> None:
    answer = rotate(stack, merchants.chicksx(), {"compromised": True})

    assert (answer.status_code, answer.json()) == (200, {"rotation": "unsupported", "changed": False})


@pytest.mark.parametrize("body", [{"compromised": "yes"}, {"compromised": 1}, {"other": True}, []])
def test_a_wrong_body_is_refused(stack: Stack, shop: Merchant, body: Any) -> None:
    problem_of(rotate(stack, shop, body), 400, "invalid_request")


@pytest.mark.parametrize("provider", ["shopify", "fourthwall", "chicksx"])
def test_an_unknown_merchant_is_unknown(stack: Stack, merchants: Merchants, provider: str) -> None:
    nobody = merchants.nobody()

    problem_of(stack.call("POST", ROTATIONS[provider].format(merchant=nobody)), 404, "merchant_not_found")

    answer, error = stack.invoke(f"{provider}/rotate", {"merchant": nobody})
    assert error is not None
    raised_problem(answer, 404, "merchant_not_found")
