"""Do a merchant's pending work."""

from collections.abc import Callable

from token_broker.entrypoints.handler import entrypoint
from token_broker.entrypoints.inputs import Maintain
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.call import Call
from token_broker.wiring import worker


@entrypoint(worker(), "lifecycle/maintain", accepts=Maintain, events=("direct", "queue"))
def handler(request: Maintain, call_for: Callable[[str | None], Call]) -> dict[str, int]:
    """Handle messages of the work queue: do the pending work of one merchant at one provider."""
    return maintain(call_for(request.provider), request.merchant, request.items)
