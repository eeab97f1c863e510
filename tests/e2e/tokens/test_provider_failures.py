"""Providers that hang, with real processes, a real clock and the gateway's time limit."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import problem_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until


def test_providers_that_hang_are_given_up_before_the_gateway_gives_up(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    """All three at the same time, since each takes its whole budget. What was asked for lies in the table meanwhile."""
    shop = merchants.shopify().name
    calls = {
        "fourthwall": ("PUT", FOURTHWALL.format(merchant=merchants.fourthwall().name), None),
        "chicksx": ("POST", CHICKSX.format(merchant=merchants.chicksx().name), {"sessionId": "s"}),
        "shopify": ("GET", SHOPIFY_CURRENT.format(merchant=shop), None),
    }
    for provider in calls:
        control.fault(provider, "hang", seconds=60, times=20)

    def timed(call: tuple[str, str, Any]) -> tuple[requests.Response, float]:
        started = time.monotonic()
        return stack.call(*call), time.monotonic() - started

    with ThreadPoolExecutor() as pool:
        answers = pool.map(timed, calls.values())
        wait_until(lambda: control.requests("shopify"), "Shopify is asked")
        lease = table.partition(f"shopify#{shop}")["subject#shop"]
        for response, seconds in answers:
            problem_of(response, 504, "provider_unavailable")
            assert seconds < 25, f"{response.json()['detail']} after {seconds:.1f} s"
    assert {"owner", "leaseEnd", "intentId", "intentAt", "intentBy", "fence"} <= set(lease)
    control.forget_faults()

    # What hung may still act, so the next caller may be asked for some patience.
    for call in calls.values():
        wait_until(lambda: stack.call(*call).status_code in (200, 201), patience=20)  # noqa: B023
    assert control.state()["shopify"][shop]["mints"] == 1
