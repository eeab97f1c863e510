"""Check whether a shop's Fourthwall token has changed."""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.lifecycle.rotate import rotate
from token_broker.tokens.call import Call
from token_broker.wiring import PROVIDER_CALLS, fourthwall


@entrypoint(fourthwall(PROVIDER_CALLS), "fourthwall/rotate", accepts=Rotate, events=("api", "direct"))
def handler(request: Rotate, call: Call) -> Reply:
    """Handle POST /merchants/{merchant}/fourthwall/rotations: report whether the shop's token has changed."""
    report = rotate(call, request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
