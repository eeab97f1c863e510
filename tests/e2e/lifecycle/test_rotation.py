"""On the deployed stack a rotation mints first, requests are merged, and the worker revokes the replaced token."""

from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.callers import at_once
from tests.e2e.lifecycle.conftest import Shop
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import token_of
from tests.e2e.support.routes import FOURTHWALL, ROTATIONS
from tests.e2e.support.waiting import wait_until

CALLERS = 10
#: Seconds for a message to be taken and worked on, and for what a function has in memory to be forgotten.
FORGOTTEN = 45.0


@pytest.fixture
def old(shop: Shop) -> str:
    """Return the id of the shop's token."""
    return shop.current()


def rotate(shop: Shop) -> Any:
    return shop.call("POST", ROTATIONS["shopify"])


def test_the_old_token_works_until_its_overlap_is_over(shop: Shop, old: str) -> None:
    answer = rotate(shop)

    assert answer.status_code == 202, answer.text
    new = answer.json()["tokenId"]
    assert (answer.json()["state"], answer.json()["previousTokenId"]) == ("done", old)
    assert shop.at_the_provider() == {old, new}
    assert shop.states() == {old: "retiring", new: "current"}
    wait_until(lambda: shop.current() == new, "the old one is forgotten", patience=FORGOTTEN)

    shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.states()[old] == "revoked")

    assert shop.at_the_provider() == {new}


def test_many_at_once_are_one_rotation(stack: Stack, merchants: Merchants, shop: Shop, old: str) -> None:
    nobody = ROTATIONS["shopify"].format(merchant=merchants.nobody())
    # A process for each of them, so that what follows really happens at once.
    assert {answer.status_code for answer in at_once([lambda: stack.call("POST", nobody)] * CALLERS)} == {404}

    answers = at_once([lambda: rotate(shop)] * CALLERS)

    assert {answer.status_code for answer in answers} == {202}, {answer.text for answer in answers}
    assert len({answer.json()["rotationId"] for answer in answers}) == 1
    assert shop.account()["mints"] == 2
    assert sorted(shop.states().values()) == ["current", "retiring"]
    assert shop.states()[old] == "retiring"


def test_the_worker_revokes_a_compromised_token_at_the_provider(stack: Stack, shop: Shop, old: str) -> None:
    ordinary = rotate(shop).json()["tokenId"]

    answer, error = stack.invoke("shopify/rotate", {"merchant": shop.name, "compromised": True})

    assert error is None, answer
    new = answer["tokenId"]
    assert shop.states() == {old: "revoking", ordinary: "revoking", new: "current"}
    shop.run_dispatcher()
    assert shop.at_the_provider() == {old, ordinary, new}, "a memory may still have them"
    shop.table.bring_forward([shop.name])
    shop.run_dispatcher(lambda: shop.at_the_provider() == {new})


def test_fourthwalls_change_is_noticed(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    name = merchants.fourthwall().name
    rotations = ROTATIONS["fourthwall"].format(merchant=name)
    token_of(stack.call("PUT", FOURTHWALL.format(merchant=name)))
    assert stack.call("POST", rotations).json() == {"rotation": "unsupported", "changed": False}
    control.renew_fourthwall_token(name)

    answer = stack.call("POST", rotations)

    assert (answer.status_code, answer.json()) == (200, {"rotation": "unsupported", "changed": True})
