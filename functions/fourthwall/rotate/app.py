"""Check whether a shop's Fourthwall token has changed."""

from token_broker.broker import Broker
from token_broker.entrypoints.events import API_GATEWAY, DIRECT
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import FOURTHWALL


@entrypoint(FOURTHWALL, "fourthwall/rotate", accepts=Rotate, events=(API_GATEWAY, DIRECT))
def handler(request: Rotate, broker: Broker[Provider]) -> Reply:
    """Handle POST /merchants/{merchant}/fourthwall/rotations: report whether the shop's token has changed."""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
