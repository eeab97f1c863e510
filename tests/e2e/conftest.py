"""One deployed stack for all end-to-end tests; merchants are made anew for each test, so tests don't meet.

TOKEN_BROKER_E2E_STACK=<state folder> uses a stack that runs already, and leaves it running.
"""

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.documented import documented
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.own_stack import bring_up, folder_of_its_own
from tests.e2e.support.storefronts import Shops
from tests.e2e.support.subscriber import Subscriber, subscribed
from tests.e2e.support.token_table import TokenTable
from tests.e2e.xdist_groups import FAULTS, StackEach

type Aws = Callable[[str], Any]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StackEach:
    """Distribute the tests among xdist's processes; pytest-xdist calls this hook."""
    return StackEach(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of the fault stack first, since they take longest, and those marked `run_last` last."""
    items.sort(key=_position)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as `summary`, also those in another process."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            if name == "summary":
                terminalreporter.write_line(str(value))


def _position(item: pytest.Item) -> int:
    if item.get_closest_marker("run_last"):
        return 1
    return -1 if item.nodeid.startswith(FAULTS) else 0


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    running = os.environ.get("TOKEN_BROKER_E2E_STACK")
    if running:
        found = Stack.read(Path(running))
        with dispatcher_runs.stopped(found):
            yield found
        return
    with folder_of_its_own() as folder:
        bring_up(folder)
        made = Stack.read(folder)
        with dispatcher_runs.stopped(made):
            yield made


@pytest.fixture(scope="session", autouse=True)
def _documented_responses() -> Iterator[None]:
    """Compare each response to a stack's `call` with the OpenAPI document."""
    call = Stack.call

    def compared(stack: Stack, method: str, path: str, *given: Any, **more: Any) -> requests.Response:
        return documented(method, path, call(stack, method, path, *given, **more))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stack, "call", compared)
        yield


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Aws:
    """Clients of the local AWS by service, each made once; they sign as the account's administrator."""
    return functools.cache(stack.client)


@pytest.fixture(scope="session")
def simulators(stack: Stack) -> ControlClient:
    address = stack.control_url
    assert address is not None, "the end-to-end tests need a stack with simulators"
    return ControlClient(address)


@pytest.fixture
def control(simulators: ControlClient) -> Iterator[ControlClient]:
    """Yield the simulators without recorded requests and faults, and clear both after the test."""
    simulators.forget_faults()
    simulators.forget_requests()
    yield simulators
    simulators.forget_faults()


@pytest.fixture(scope="session")
def merchants(stack: Stack, aws: Aws, simulators: ControlClient) -> Merchants:
    return Merchants(simulators, aws("secretsmanager"), stack.described["secretPrefix"])


@pytest.fixture(scope="session")
def shops(stack: Stack, merchants: Merchants) -> Shops:
    return Shops(stack, merchants)


@pytest.fixture(scope="session")
def table(stack: Stack, aws: Aws) -> TokenTable:
    return TokenTable(aws("dynamodb"), stack.described["table"])


@pytest.fixture(scope="module")
def subscriber(stack: Stack) -> Iterator[Subscriber]:
    with subscribed(stack) as made:
        yield made
