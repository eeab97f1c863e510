"""Report that ChicksX tokens expire and need no rotation.

This is a function and no fixed answer of the gateway, since an unknown merchant gets 404.
"""

from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.lifecycle.rotate import rotate
from token_broker.tokens.call import Call
from token_broker.wiring import chicksx


@entrypoint(chicksx(), "chicksx/rotate", accepts=Rotate, events=("api", "direct"))
def handler(request: Rotate, call: Call) -> Reply:
    """Handle POST /merchants/{merchant}/chicksx/rotations: report that tokens expire by themselves."""
    report = rotate(call, request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
