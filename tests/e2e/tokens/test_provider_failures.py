"""Providers that hang, with real processes, a real clock and the gateway's time limit."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until
from token_broker_client import Token, TokenBroker, errors


def test_providers_that_hang_are_given_up_before_the_gateway_gives_up(
    broker: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    """All three at the same time, since each takes its whole budget. What was asked for lies in the table meanwhile."""
    shop = merchants.shopify().name
    calls: dict[str, Callable[[], Token]] = {
        "fourthwall": broker.merchant(merchants.fourthwall().name).fourthwall.current,
        "chicksx": partial(broker.merchant(merchants.chicksx().name).chicksx.token, "s"),
        "shopify": broker.merchant(shop).shopify.current,
    }
    for provider in calls:
        control.fault(provider, "hang", seconds=60, times=20)

    def timed(call: Callable[[], Token]) -> float:
        started = time.monotonic()
        with pytest.raises(errors.ProviderUnavailable):
            call()
        return time.monotonic() - started

    with ThreadPoolExecutor() as pool:
        answers = pool.map(timed, calls.values())
        wait_until(lambda: control.requests("shopify"), "Shopify is asked")
        lease = table.partition(f"shopify#{shop}")["subject#shop"]
        assert max(answers) < 25
    assert {"owner", "leaseEnd", "intentId", "intentAt", "intentBy", "fence"} <= set(lease)
    control.forget_faults()

    # What hung may still act, so the next caller may be asked for some patience.
    def served(call: Callable[[], Token]) -> bool:
        with suppress(errors.BrokerError):
            return bool(call())
        return False

    for call in calls.values():
        wait_until(partial(served, call), patience=20)
    assert control.state()["shopify"][shop]["mints"] == 1
