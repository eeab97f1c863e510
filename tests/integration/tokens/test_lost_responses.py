"""The provider acts and its response is lost on the network: the token is found by its tag, and never made twice."""

from typing import Any

import pytest

from tests.integration.support.functions import CREATE
from tests.integration.support.in_process_stack import Stack

LOST: dict[str, dict[str, Any]] = {
    "closed": {"kind": "act_then_drop"},
    "reset": {"kind": "act_then_drop", "reset": True},
    "cut off": {"kind": "truncated"},
    "server error": {"kind": "status", "status": 500, "act": True},
    "html": {"kind": "garbage", "act": True},
    "not http": {"kind": "malformed", "act": True},
}


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_create_is_found_within_the_same_call(lost: str, stack: Stack) -> None:
    stack.control.fault("shopify", method="POST", **LOST[lost])

    answer = stack.worker(CREATE).api(body={"title": "Storefront"})

    assert (answer.status, answer.body["title"]) == (201, "Storefront")
    assert stack.mints("shopify") == 1
    assert [each["method"] for each in stack.asked("shopify")] == ["POST", "GET"]


def test_a_create_that_drips_leaves_time_to_look_it_up(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.providers.shopify.admin_api.LOOKUP_RESERVE", 0.6)
    stack.control.fault("shopify", "slow_drip", method="POST", secondsPerByte=0.05)

    answer = stack.worker(CREATE).api(seconds=3.2)  # two of them are kept for the answer itself

    assert answer.status == 201
    assert stack.mints("shopify") == 1
