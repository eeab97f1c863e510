"""Dispatch pending work."""

from token_broker.entrypoints.events import DIRECT
from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Dispatch
from token_broker.lifecycle.dispatcher import Dispatcher, DispatchSummary
from token_broker.wiring.scheduler import LIFECYCLE


@entrypoint(LIFECYCLE, "lifecycle/dispatch", accepts=Dispatch, events=(DIRECT,))
def handler(_request: Dispatch, dispatcher: Dispatcher) -> DispatchSummary:
    """Handle the scheduler's event of every minute: send pending work to the queues."""
    return dispatcher.run()
