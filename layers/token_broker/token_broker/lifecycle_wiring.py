"""Where the parts of the clock's run are put together."""

import random
from dataclasses import dataclass
from functools import cached_property, partial

from token_broker import settings
from token_broker.aws.dispatch_cursor import DynamoDispatchCursor
from token_broker.aws.due import DynamoDueIndex, SqsWorkQueues
from token_broker.aws.session import client
from token_broker.aws.table import Table
from token_broker.clock import Deadline, SystemClock
from token_broker.dispatching import Dispatcher
from token_broker.grant import Grant
from token_broker.telemetry import PowertoolsTelemetry


@dataclass
class LifecycleAssembly:
    """Each part is made at its first use and kept for the life of the process."""

    name: str = "lifecycle"

    @cached_property
    def telemetry(self) -> PowertoolsTelemetry:
        """Logs and metrics."""
        return PowertoolsTelemetry(self.name)

    @cached_property
    def _clock(self) -> SystemClock:
        return SystemClock()

    @cached_property
    def _table(self) -> Table:
        return Table(partial(client, "dynamodb"), settings.settings().table)

    @cached_property
    def _index(self) -> DynamoDueIndex:
        return DynamoDueIndex(self._table)

    @cached_property
    def _cursor(self) -> DynamoDispatchCursor:
        return DynamoDispatchCursor(self._table)

    @cached_property
    def _queues(self) -> SqsWorkQueues:
        return SqsWorkQueues(partial(client, "sqs"), settings.work_queues())

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> Dispatcher:  # noqa: ARG002
        """One run. No route leads here, so there is no storefront to bound."""
        return Dispatcher(self._index, self._queues, self._cursor, self._clock, self.telemetry, random.random, deadline)


LIFECYCLE = LifecycleAssembly()
