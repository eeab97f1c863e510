"""Read an authorizer request of API Gateway, respond with the decision, and fail closed.

A response allows one resource. It is the requested method and path, built again from the checked parts. A path in
another spelling (doubled slashes, dots, another case) is another resource and is rejected.

    Grant               Allow, with the grant as context
    Forbidden           Deny                                403
    Unauthenticated     the exception "Unauthorized"        401
    anything else       an exception                        503, since nothing is known about the storefront
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
    """Hold one request that needs a decision. `operation` is the path after the merchant, `resource` is the ARN."""

    merchant: str
    operation: str
    resource: str
    #: The proof is one of them.
    headers: Mapping[str, list[str]] = field(repr=False)

    def header(self, name: str) -> str | None:
        """Return a header's value, or None. Raises `Unauthenticated` if the header was repeated."""
        values = [value for key, many in self.headers.items() if key.lower() == name for value in many]
        if len(values) > 1:
            raise Unauthenticated(f"the header {name} is repeated")
        return values[0] if values else None


class AuthorizerContainer[T](Protocol):
    """Make an authorizer's parts. `wiring` has the implementation."""

    @property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""
        ...

    def admission(self) -> T:
        """Return the object that decides."""
        ...


class DecisionUnavailable(Exception):
    """Tell API Gateway that no request is allowed. The text holds nothing else."""


def authorizer_request(event: Any) -> AuthorizerRequest:
    """Return API Gateway's REQUEST event, checked. Raises `Forbidden` if it is not for a storefront route."""
    if not isinstance(event, Mapping):
        raise Forbidden("not an authorizer event")
    route, path = event.get("resource"), event.get("pathParameters")
    if not isinstance(route, str) or not route.startswith(_ROUTE) or not isinstance(path, Mapping):
        raise Forbidden("not a storefront route")
    try:
        merchant = merchant_name(path.get("merchant"))
    except ValueError:
        raise Forbidden("not a merchant name") from None
    request = _RESOURCE.fullmatch(str(event.get("methodArn")))
    expected = f"{event.get('httpMethod')}{route.replace('{merchant}', merchant)}"
    if request is None or request[2] != expected:
        raise Forbidden("the path is not spelled like the route")
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
    """Make a Lambda authorizer of a decision, which returns a grant or raises an error."""

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
                return _response("Allow", request.resource, grant.as_context())
            except Forbidden as reason:
                outcome |= {"decision": "deny", "reason": reason.detail}
                return _response("Deny", "*", {})
            except Unauthenticated as reason:
                outcome |= {"decision": "unauthorized", "reason": reason.detail}
                _raise("Unauthorized")  # the only text for which API Gateway responds with 401
            except Exception as failure:  # noqa: BLE001  # only a grant may allow a request
                # The text of an exception can hold a value, so the log gets its code or its class.
                outcome["reason"] = failure.code if isinstance(failure, BrokerError) else type(failure).__name__
                outcome["causes"] = getattr(failure, "__notes__", [])
                _raise("The storefront could not be checked")
            finally:
                outcome["ms"] = round((time.perf_counter() - started) * 1000, 1)
                telemetry.count(f"Authorizer.{outcome['decision']}")
                telemetry.log.info("decided", extra=outcome)
                telemetry.end()

        return lambda_handler

    return decorate


def _raise(text: str) -> NoReturn:
    raise DecisionUnavailable(text) from None


def _response(effect: str, resource: str, context: Mapping[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": "storefront",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": dict(context),
    }


def _request_id(event: Any) -> str:
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return str(context.get("requestId", "")) if isinstance(context, Mapping) else ""
