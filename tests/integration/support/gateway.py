"""What API Gateway does between a storefront and the functions: it asks the authorizer, and keeps to the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from tests.fakes.trust_policies import SHOP
from tests.integration.support import functions
from tests.integration.support.in_process_stack import MERCHANT, Stack

#: By which the merchant's backend signs.
KEY = "the demo backend's key, 32 bytes and more"
AUTHORIZER = dict.fromkeys((functions.FOURTHWALL, functions.CURRENT), functions.SHOP_AUTHORIZER)
AUTHORIZER[functions.CHICKSX] = functions.PROOF_AUTHORIZER

_SHARED = (
    *("resource", "path", "httpMethod", "pathParameters", "stageVariables"),
    *("headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"),
)


@dataclass
class Gateway:
    """The `/storefront/…` routes of one stack. `decisions` are the authorizers' answers, None for an exception."""

    stack: Stack
    decisions: list[Any] = field(default_factory=list)

    def page(
        self, function: str, merchant: str = MERCHANT, *, origin: str | None = SHOP, **headers: str
    ) -> functions.HttpResponse:
        return self._ask(function, merchant, {"Origin": origin, **headers})

    def session(
        self, proof: str | None, session_id: str, merchant: str = MERCHANT, *, origin: str | None = SHOP, **more: Any
    ) -> functions.HttpResponse:
        headers = {"Origin": origin, "Authorization": None if proof is None else f"Bearer {proof}"}
        return self._ask(functions.CHICKSX, merchant, headers, {"sessionId": session_id, **more})

    def _ask(
        self, function: str, merchant: str, headers: Mapping[str, str | None], body: dict[str, Any] | None = None
    ) -> functions.HttpResponse:
        event = request(function, merchant, headers, body)
        asked = authorizer_request(event)
        try:
            decision = self.stack.worker(AUTHORIZER[function]).invoke(asked)
        except Exception as told:  # noqa: BLE001  # whatever it raises, the gateway looks at the text alone
            self.decisions.append(None)
            return functions.HttpResponse(401 if str(told) == "Unauthorized" else 503, {}, {})
        self.decisions.append(decision)
        (statement,) = decision["policyDocument"]["Statement"]
        if (statement["Effect"], statement["Resource"]) != ("Allow", asked["methodArn"]):
            return functions.HttpResponse(403, {}, {})
        context = {**decision["context"], "principalId": decision["principalId"], "integrationLatency": 9}
        return self.stack.worker(function).answer(with_context(event, context))


def request(
    function: str, merchant: str, headers: Mapping[str, str | None], body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the sample event of a storefront's route with changes and without the authorizer's context."""
    event: dict[str, Any] = functions.api_event(
        function, "storefront", path={"merchant": merchant}, headers=dict(headers), body=body
    )
    event["path"] = event["resource"].format(merchant=merchant)
    event["requestContext"].pop("authorizer")
    return event


def authorizer_request(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gateway's authorizer request for an event, which is everything but the body."""
    context = event["requestContext"]
    stage = f"arn:aws:execute-api:us-east-1:{context['accountId']}:{context['apiId']}/{context['stage']}"
    return {
        "type": "REQUEST",
        "methodArn": f"{stage}/{event['httpMethod']}{event['path']}",
        **{name: event[name] or {} for name in _SHARED},
        "requestContext": context,
    }


def with_context(event: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    return {**event, "requestContext": {**event["requestContext"], "authorizer": dict(context)}}


def opened(stack: Stack, document: Mapping[str, Any]) -> Gateway:
    """Open the routes of a stack whose demo merchant has this policy and a backend with a key."""
    assert stack.trust(document).status == 201
    stack.proof_keys(k1=KEY)
    return Gateway(stack)


def proof(stack: Stack, session_id: str = "s-1", *, key: str = KEY, kid: str | None = "k1", **claims: Any) -> str:
    said = {"iss": SHOP, "aud": "token-broker", "sid": session_id, "exp": int(stack.clock.now()) + 600, **claims}
    token = jwt.encode(said, key, "HS256", headers=None if kid is None else {"kid": kid})
    stack.secret_values.add(token)
    return token
