"""Report that ChicksX tokens expire and need no rotation."""

from token_broker.broker import Broker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import CHICKSX


@entrypoint(CHICKSX, "chicksx/rotate", accepts=Rotate, events=(API_GATEWAY, DIRECT))
def handler(request: Rotate, broker: Broker[Provider]) -> Reply:
    """Handle POST /merchants/{merchant}/chicksx/rotations: report that tokens expire by themselves."""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
