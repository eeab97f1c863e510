"""What both storefront authorizers do around their decision: read the gateway's question, answer it, fail closed.

An answer allows one resource: the method and path that were asked, made anew from the checked parts. A path that the
gateway writes in any other way (doubled slashes, dots, another case) is not that resource and is refused.

    Grant                     Allow, with the grant as context
    Forbidden                 Deny                                403
    Unauthenticated           the exception "Unauthorized"        401
    anything else             an exception                        503: nothing is known about the storefront
"""

import functools
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from token_broker.domain.fields import merchant_name
from token_broker.domain.grant import Grant
from token_broker.errors import BrokerError, Forbidden, Unauthenticated
from token_broker.telemetry import PowertoolsTelemetry

_RESOURCE = re.compile(r"(arn:[a-z-]+:execute-api:[a-z0-9-]+:[0-9]*:[a-z0-9]+/[A-Za-z0-9_-]+)/(.*)", re.DOTALL)
_ROUTE = "/storefront/{merchant}/"


@dataclass(frozen=True, slots=True)
class AuthorizerRequest:
    """One request that the gateway asks about: `operation` is the path behind the merchant, `resource` its ARN."""

    merchant: str
    operation: str
    resource: str
    #: With the proof.
    headers: Mapping[str, list[str]] = field(repr=False)

    def header(self, name: str) -> str | None:
        """A header that came once; None where there is none. Raises `Unauthenticated` where it came twice."""
        values = [value for key, many in self.headers.items() if key.lower() == name for value in many]
        if len(values) > 1:
            raise Unauthenticated(f"The header {name} came more than once.")
        return values[0] if values else None


class AuthorizerContainer[T](Protocol):
    """An authorizer's parts, put together by its wiring."""

    @property
    def telemetry(self) -> PowertoolsTelemetry: ...
    def admission(self) -> T: ...


class DecisionUnavailable(Exception):
    """The storefront could not be judged. The text is all that the gateway may learn."""


def authorizer_request(event: Any) -> AuthorizerRequest:
    """The gateway's REQUEST event, checked. Raises `Forbidden` for anything that is not one of our routes."""
    if not isinstance(event, Mapping):
        raise Forbidden("not an authorizer's event")
    route, path = event.get("resource"), event.get("pathParameters")
    if not isinstance(route, str) or not route.startswith(_ROUTE) or not isinstance(path, Mapping):
        raise Forbidden("not a storefront's route")
    try:
        merchant = merchant_name(path.get("merchant"))
    except ValueError:
        raise Forbidden("not a merchant's name") from None
    request = _RESOURCE.fullmatch(str(event.get("methodArn")))
    expected = f"{event.get('httpMethod')}{route.replace('{merchant}', merchant)}"
    if request is None or request[2] != expected:
        raise Forbidden("a path that is not written as the route is")
    headers = event.get("multiValueHeaders")
    return AuthorizerRequest(
        merchant=merchant,
        operation=route.removeprefix(_ROUTE),
        resource=f"{request[1]}/{expected}",
        headers=headers if isinstance(headers, Mapping) else {},
    )


def authorizer[T](
    container: AuthorizerContainer[T],
) -> Callable[[Callable[[AuthorizerRequest, T], Grant]], Callable[[Any, Any], Any]]:
    """Make a Lambda authorizer of a decision, which returns the grant or raises."""

    def decorate(decide: Callable[[AuthorizerRequest, T], Grant]) -> Callable[[Any, Any], Any]:
        @functools.wraps(decide)
        def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
            started = time.perf_counter()
            telemetry = container.telemetry
            telemetry.begin(_request_id(event), context)
            outcome: dict[str, Any] = {"decision": "none"}
            try:
                request = authorizer_request(event)
                outcome["merchant"], outcome["operation"] = request.merchant, request.operation
                grant = decide(request, container.admission())
                outcome["decision"] = "allow"
                return _answer("Allow", request.resource, grant.as_context())
            except Forbidden as reason:
                outcome |= {"decision": "deny", "reason": reason.detail}
                return _answer("Deny", "*", {})
            except Unauthenticated as reason:
                outcome |= {"decision": "unauthorized", "reason": reason.detail}
                _refuse("Unauthorized")  # the one text that API Gateway answers with 401
            except Exception as failure:  # noqa: BLE001  # nothing but a grant may let anybody in
                # A detail is written for callers and holds no value; any other exception's text can.
                outcome["reason"] = failure.code if isinstance(failure, BrokerError) else type(failure).__name__
                outcome["causes"] = getattr(failure, "__notes__", [])
                _refuse("The storefront could not be judged")
            finally:
                outcome["ms"] = round((time.perf_counter() - started) * 1000, 1)
                telemetry.count(f"Authorizer.{outcome['decision']}")
                telemetry.log.info("decided", extra=outcome)
                telemetry.end()

        return lambda_handler

    return decorate


def _refuse(text: str) -> NoReturn:
    raise DecisionUnavailable(text) from None


def _answer(effect: str, resource: str, context: Mapping[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "storefront",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": dict(context),
    }


def _request_id(event: Any) -> str:
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return str(context.get("requestId", "")) if isinstance(context, Mapping) else ""
