"""What the tests of entry points share: a container in memory, and the lines of the log."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from token_broker.entrypoints.handler import Request
from token_broker.telemetry import PowertoolsTelemetry

type Lines = Callable[[str], list[dict[str, Any]]]


@dataclass
class Bench:
    """A container whose service only notes who asks and until when."""

    make_telemetry: Callable[[], PowertoolsTelemetry]
    calls: list[tuple[str, float]] = field(default_factory=list)

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        return self.make_telemetry()

    def service(self, request: Request) -> str:
        self.calls.append((request.caller, request.deadline.left()))
        return "the service"


@pytest.fixture
def bench(make_telemetry: Callable[[], PowertoolsTelemetry]) -> Bench:
    return Bench(make_telemetry)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that returns the lines with a message, or with a member of that name."""
    written: list[dict[str, Any]] = []

    def named(name: str) -> list[dict[str, Any]]:
        written.extend(json.loads(line) for line in capsys.readouterr().out.splitlines())
        return [line for line in written if line.get("message") == name or name in line]

    return named
