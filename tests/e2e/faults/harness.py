"""Inject faults into a stack's calls to AWS, and run its dispatcher until no work is due."""

import json
import os
import time
from collections.abc import Collection
from dataclasses import dataclass

from sandbox.fault_proxy import FaultProxyClient
from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.token_table import TokenTable
from token_broker_client import TokenBroker

LONG = os.environ.get("TOKEN_BROKER_LONG", "") not in ("", "0")
#: Seconds for one round of pending work. A first call is a cold start, and the machine may be busy.
PATIENCE = 60.0
#: The dispatcher runs at most this often until no work is due.
ROUNDS = 6


@dataclass(frozen=True)
class Bench:
    stack: Stack
    broker: TokenBroker
    direct: TokenBroker
    proxy: FaultProxyClient
    control: ControlClient
    merchants: Merchants
    table: TokenTable

    def calls(self, merchant: str) -> list[str]:
        """Return the AWS calls about a merchant in their order, including repetitions."""
        return [each["operation"] for each in self.proxy.calls(merchant)]

    def settle(self, merchants: Collection[str]) -> None:
        """Move time and run the dispatcher until these merchants have no due work."""
        for _ in range(ROUNDS):
            self.table.bring_forward(merchants)
            if not self.table.due(merchants):
                return
            dispatcher_runs.run(self.stack)
            # An item is processed if it is no longer due or if the worker moved its due time.
            deadline = time.monotonic() + PATIENCE
            while self.table.due(merchants, by=time.time()) and time.monotonic() < deadline:
                time.sleep(0.2)
        left = self.table.due(merchants)
        assert not left, f"still due after {ROUNDS} runs of the dispatcher: {left}"


def bench_of(stack: Stack) -> Bench:
    addresses = json.loads((stack.folder / "fault_proxy.json").read_text())
    assert stack.control_url is not None, "these tests need a stack with simulators"
    control = ControlClient(stack.control_url)
    return Bench(
        stack=stack,
        broker=stack.broker(),
        direct=stack.direct_broker(),
        proxy=FaultProxyClient(addresses["control"]),
        control=control,
        merchants=Merchants(control, stack.client("secretsmanager"), stack.described["secretPrefix"]),
        table=TokenTable(stack.client("dynamodb"), stack.described["table"]),
    )
