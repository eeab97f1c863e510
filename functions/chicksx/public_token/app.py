"""The ChicksX token of one checkout session."""

from token_broker import entry, wiring
from token_broker.broker import Broker
from token_broker.inputs import GetSessionToken
from token_broker.ports import Provider


@entry.handler(wiring.CHICKSX, accepts=GetSessionToken)
def handler(request: GetSessionToken, broker: Broker[Provider]) -> entry.Reply:
    """POST /merchants/{merchant}/chicksx/public-tokens"""
    token, created = broker.session_token(request.merchant, request.session_id, request.scope)
    return entry.Reply(token, 201 if created else 200)
