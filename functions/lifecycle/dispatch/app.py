"""Hand out what is due."""

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Dispatch
from token_broker.lifecycle.dispatcher import Dispatcher, DispatchSummary
from token_broker.wiring.scheduler import LIFECYCLE


@entrypoint(LIFECYCLE, "lifecycle/dispatch", accepts=Dispatch)
def handler(_request: Dispatch, dispatcher: Dispatcher) -> DispatchSummary:
    """Every minute, by EventBridge Scheduler; it does no merchant's work."""
    return dispatcher.run()
