"""Simulators for the contract tests: one server, emptied before each test."""

from collections.abc import Iterator

import pytest

from sandbox.simulators import Addresses, ControlClient, running_simulators


@pytest.fixture(scope="session")
def simulators() -> Iterator[Addresses]:
    with running_simulators() as addresses:
        yield addresses


@pytest.fixture
def control(simulators: Addresses) -> ControlClient:
    client = ControlClient(simulators["control"])
    client.reset()
    return client
