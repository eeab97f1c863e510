"""What the parts of every function stand on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from token_broker import settings
from token_broker.aws.session import client
from token_broker.aws.store.table import Table
from token_broker.clock import SystemClock
from token_broker.telemetry import PowertoolsTelemetry


@dataclass
class Container:
    """Each part is made at its first use and kept for the life of the process. Logs and metrics have its `name`."""

    name: str

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Logs and metrics."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's time."""
        return SystemClock()

    @cached_property
    def settings(self) -> settings.Settings:
        """What the template says. Raises `Misconfigured`."""
        return settings.settings()

    @cached_property
    def table(self) -> Table:
        """The table of tokens."""
        return Table(self.aws("dynamodb"), self.settings.table)

    def aws(self, service: str) -> Callable[[], Any]:
        """How to get the client of a service: making one takes milliseconds, so its user asks at its first call."""
        return partial(client, service)
