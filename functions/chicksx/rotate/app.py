"""Rotation at ChicksX, whose tokens end by themselves."""

from token_broker import entry, wiring
from token_broker.broker import Broker
from token_broker.inputs import Rotate
from token_broker.ports import Provider


@entry.handler(wiring.CHICKSX, accepts=Rotate)
def handler(request: Rotate, broker: Broker[Provider]) -> entry.Reply:
    """POST /merchants/{merchant}/chicksx/rotations"""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return entry.Reply(report, report.status)
