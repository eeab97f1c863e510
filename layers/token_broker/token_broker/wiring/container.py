"""Make the parts that every function uses."""

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
    """Make each part at its first use, and keep it for the life of the process. Logs and metrics have the `name`."""

    name: str

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def clock(self) -> SystemClock:
        """Return the time source."""
        return SystemClock()

    @cached_property
    def settings(self) -> settings.Settings:
        """Return the settings from the template. Raises `Misconfigured`."""
        return settings.settings()

    @cached_property
    def table(self) -> Table:
        """Return the token table."""
        return Table(self.aws("dynamodb"), self.settings.table)

    def aws(self, service: str) -> Callable[[], Any]:
        """Return a function that makes a service's client. Making one takes milliseconds, so it happens when needed."""
        return partial(client, service)
