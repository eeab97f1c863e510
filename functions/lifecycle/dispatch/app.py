"""Dispatch pending work."""

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Input
from token_broker.lifecycle.dispatcher import Dispatcher, DispatchSummary
from token_broker.wiring import dispatcher


@entrypoint(dispatcher(), "lifecycle/dispatch", accepts=Input, events=("direct",))
def handler(_request: Input, dispatcher: Dispatcher) -> DispatchSummary:
    """Handle the scheduler's event of every minute: send pending work to the queues."""
    return dispatcher.run()
