"""Hand out what is due."""

from token_broker import entry, lifecycle_wiring
from token_broker.dispatching import Dispatched, Dispatcher
from token_broker.inputs import Dispatch


@entry.handler(lifecycle_wiring.LIFECYCLE, accepts=Dispatch)
def handler(_request: Dispatch, dispatcher: Dispatcher) -> Dispatched:
    """Every minute, by EventBridge Scheduler; it does no merchant's work."""
    return dispatcher.run()
