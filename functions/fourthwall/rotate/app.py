"""Ask Fourthwall whether a shop has another token than before."""

from token_broker.broker import Broker
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import FOURTHWALL


@entrypoint(FOURTHWALL, "fourthwall/rotate", accepts=Rotate)
def handler(request: Rotate, broker: Broker[Provider]) -> Reply:
    """POST /merchants/{merchant}/fourthwall/rotations"""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
