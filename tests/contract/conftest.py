"""Simulators for the contract tests: one server, emptied before each test."""

import ssl
from collections.abc import Iterator
from functools import cache

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


@pytest.fixture(scope="module")
def certificates_read_once() -> Iterator[None]:
    """Read the trusted certificates once for a file that speaks plain http."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield
