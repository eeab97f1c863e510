"""A stack of its own, with the fault proxy between its functions and the emulated AWS.

TOKEN_BROKER_E2E_FAULT_STACK=<state folder> uses one that runs already (`TOKEN_BROKER_FAULT_PROXY=1 make up`).
TOKEN_BROKER_LONG=1 runs the whole matrix of calls and faults instead of a part of it: some minutes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local_stack import Stack
from tests.e2e.faults.harness import Bench, bench_of
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.own_stack import bring_up, folder_of_its_own
from tests.e2e.support.recorded_aws_calls import no_events_published


@pytest.fixture(scope="session")
def whole_bench() -> Iterator[Bench]:
    running = os.environ.get("TOKEN_BROKER_E2E_FAULT_STACK")
    if running:
        found = Stack.read(Path(running))
        with dispatcher_runs.stopped(found), no_events_published(found):
            yield bench_of(found)
        return
    with folder_of_its_own() as folder:
        bring_up(folder, TOKEN_BROKER_FAULT_PROXY="1")
        made = Stack.read(folder)
        with dispatcher_runs.stopped(made), no_events_published(made):
            yield bench_of(made)


@pytest.fixture
def bench(whole_bench: Bench) -> Iterator[Bench]:
    """With no fault waiting, before and after."""
    whole_bench.proxy.clear_faults()
    whole_bench.proxy.clear_calls()
    whole_bench.control.forget_faults()
    whole_bench.control.forget_requests()
    yield whole_bench
    whole_bench.proxy.clear_faults()
    whole_bench.control.forget_faults()
