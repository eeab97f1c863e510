"""Ask Fourthwall whether a shop has another token than before."""

from token_broker import entry, wiring
from token_broker.broker import Broker
from token_broker.inputs import Rotate
from token_broker.ports import Provider


@entry.handler(wiring.FOURTHWALL, accepts=Rotate)
def handler(request: Rotate, broker: Broker[Provider]) -> entry.Reply:
    """POST /merchants/{merchant}/fourthwall/rotations"""
    report = broker.rotate(request.merchant, compromised=request.compromised)
    return entry.Reply(report, report.status)
