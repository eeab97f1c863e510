"""Rotation at ChicksX, whose tokens end by themselves."""

from token_broker.broker import Broker
from token_broker.entrypoints.handler import Reply, entrypoint
from token_broker.entrypoints.inputs import Rotate
from token_broker.ports.provider import Provider
from token_broker.wiring.providers import CHICKSX


@entrypoint(CHICKSX, "chicksx/rotate", accepts=Rotate)
def handler(request: Rotate, broker: Broker[Provider]) -> Reply:
    """POST /merchants/{merchant}/chicksx/rotations"""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return Reply(report, report.status)
