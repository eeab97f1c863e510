"""Put the parts of the dispatcher together."""

import random
from dataclasses import dataclass
from functools import cached_property

from token_broker import settings
from token_broker.aws.store.due_index import DynamoDueIndex
from token_broker.aws.work_queues import SqsWorkQueues
from token_broker.clock import Deadline
from token_broker.domain.grant import Grant
from token_broker.lifecycle.dispatcher import Dispatcher
from token_broker.wiring.container import Container


@dataclass
class SchedulerContainer(Container):
    """Make the dispatcher's parts."""

    name: str = "lifecycle"

    @cached_property
    def _index(self) -> DynamoDueIndex:
        return DynamoDueIndex(self.table)

    @cached_property
    def _queues(self) -> SqsWorkQueues:
        return SqsWorkQueues(self.aws("sqs"), settings.work_queues())

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None = None) -> Dispatcher:  # noqa: ARG002
        """Return the dispatcher for one run. No route leads here, so the grant is not used."""
        return Dispatcher(self._index, self._queues, self.clock, self.telemetry, random.random, deadline)


LIFECYCLE = SchedulerContainer()
