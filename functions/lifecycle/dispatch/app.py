"""Dispatch pending work."""

from token_broker.entrypoints.handler import DIRECT, entrypoint
from token_broker.entrypoints.inputs import Dispatch
from token_broker.lifecycle.dispatcher import Dispatcher, DispatchSummary
from token_broker.wiring import dispatcher


@entrypoint(dispatcher(), "lifecycle/dispatch", accepts=Dispatch, events=(DIRECT,))
def handler(_request: Dispatch, dispatcher: Dispatcher) -> DispatchSummary:
    """Handle the scheduler's event of every minute: send pending work to the queues."""
    return dispatcher.run()
