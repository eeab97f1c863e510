"""Unit tests open no socket and never sleep: what would wait, waits on a clock of the test's own."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn

import pytest
from pytest_socket import disable_socket

from tests.fakes.clock import MovableClock
from tests.fakes.surroundings import Broker
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.trust_policies import parse
from token_broker import wiring
from token_broker.entrypoints.handler import Request
from token_broker.storefronts.change_policy import TrustPolicies
from token_broker.storefronts.preview_origins import PreviewOrigins
from token_broker.telemetry import PowertoolsTelemetry

_numbers = count()


@pytest.fixture(autouse=True)
def _closed_sockets() -> None:
    """Make a connection an error of the test. pytest-socket opens sockets again after each test."""
    disable_socket()


@pytest.fixture(scope="module", autouse=True)
def _no_sleep() -> Iterator[None]:
    def refuse(seconds: float) -> NoReturn:
        raise AssertionError(f"a unit test would have slept for {seconds} s")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", refuse)
        yield


@pytest.fixture
def make_telemetry(monkeypatch: pytest.MonkeyPatch) -> Callable[[], PowertoolsTelemetry]:
    """Return a maker of telemetry with a service of its own.

    Powertools keeps one logger for each service, bound to the standard output of its first use. So each test makes its
    telemetry itself, where its output is captured.
    """

    def make() -> PowertoolsTelemetry:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"unit-test-{next(_numbers)}")
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "TokenBroker")
        monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
        return PowertoolsTelemetry("shopify")

    return make


@dataclass
class FakeContainer:
    """A container whose service a test makes."""

    telemetry: PowertoolsTelemetry
    service: Callable[[Request], Any]


@pytest.fixture
def put_in(
    monkeypatch: pytest.MonkeyPatch, make_telemetry: Callable[[], PowertoolsTelemetry]
) -> Callable[[str, Callable[[Request], Any]], None]:
    """Have functions that are loaded afterwards work with a service of the test, by its maker's name in `wiring`."""

    def put(maker: str, service: Callable[[Request], Any]) -> None:
        monkeypatch.setattr(wiring, maker, lambda _needs=(): FakeContainer(make_telemetry(), service))

    return put


@pytest.fixture
def broker(put_in: Callable[..., None]) -> Broker:
    """Have functions that are loaded afterwards work with stacks in memory."""
    made = Broker()
    put_in("fourthwall", lambda request: made.fourthwall.call(request.caller, grant=request.grant))
    put_in("chicksx", lambda request: made.chicksx.call(request.caller, grant=request.grant))
    put_in("shopify", lambda request: made.shopify.listing_call(request.caller, grant=request.grant))
    telemetry = RecordingTelemetry()
    put_in("trust_policies", lambda request: TrustPolicies(made.policies, telemetry, parse, caller=request.caller))
    previews = PreviewOrigins(made.policies, MovableClock(), telemetry, caller="")
    put_in("preview_origins", lambda request: previews._replace(caller=request.caller))
    return made
