"""Read an authorizer request of API Gateway, respond with the decision, and fail closed.

A response allows one resource. It is the requested method and path, built again from the checked parts. A path in
another spelling (doubled slashes, dots, another case) is another resource and is rejected.

    Grant               Allow, with the grant as context
    Forbidden           Deny                                403
    Unauthenticated     the exception "Unauthorized"        401
    anything else       an exception                        503, since nothing is known about the storefront
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, NamedTuple

from token_broker.domain.fields import merchant_name
from token_broker.domain.grant import Grant
from token_broker.domain.shown import shown
from token_broker.errors import BrokerError, Forbidden, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.entrypoints.adapter import Container
    from token_broker.entrypoints.events import EventKind

_RESOURCE = re.compile(r"(arn:[a-z-]+:execute-api:[a-z0-9-]+:[0-9]*:[a-z0-9]+/[A-Za-z0-9_-]+)/(.*)", re.DOTALL)
#: How the routes begin, by the kind of their events.
_ROUTES: dict[EventKind, str] = {"storefront": "/storefront/{merchant}/", "client": "/clients/{merchant}/"}


class AuthorizerRequest(NamedTuple):
    """Hold one request that needs a decision. `operation` is the path after the merchant, `resource` is the ARN.

    `kind` is `storefront` or `client`. The proof is one of the headers, so they are never shown.
    """

    kind: EventKind
    merchant: str
    operation: str
    resource: str
    headers: Mapping[str, list[str]]

    def __repr__(self) -> str:
        """Show all but the headers."""
        return shown(self, without=("headers",))

    def header(self, name: str) -> str | None:
        """Return a header's value, or None. Raises `Unauthenticated` if the header was repeated."""
        values = [value for key, many in self.headers.items() if key.lower() == name for value in many]
        if len(values) > 1:
            raise Unauthenticated(f"the header {name} is repeated")
        return values[0] if values else None


class DecisionUnavailable(Exception):
    """Tell API Gateway that no request is allowed. The text holds nothing else."""


def authorizer_request(event: Any, kinds: tuple[EventKind, ...]) -> AuthorizerRequest:
    """Return API Gateway's REQUEST event, checked. Raises `Forbidden` unless its route is of one of the kinds."""
    if not isinstance(event, Mapping):
        raise Forbidden("not an authorizer event")
    route, path = event.get("resource"), event.get("pathParameters")
    kind = next((kind for kind in kinds if str(route).startswith(_ROUTES[kind])), None)
    if not isinstance(route, str) or kind is None or not isinstance(path, Mapping):
        raise Forbidden("not a route that this authorizer decides about")
    try:
        merchant = merchant_name(path.get("merchant"))
    except ValueError:
        raise Forbidden("not a merchant name") from None
    request = _RESOURCE.fullmatch(str(event.get("methodArn")))
    expected = f"{event.get('httpMethod')}{route.replace('{merchant}', merchant)}"
    if request is None or request[2] != expected:
        raise Forbidden("the path is not spelled like the route")
    given = event.get("multiValueHeaders")
    headers = given if isinstance(given, Mapping) else {}
    return AuthorizerRequest(kind, merchant, route.removeprefix(_ROUTES[kind]), f"{request[1]}/{expected}", headers)


type Decision[T] = Callable[[AuthorizerRequest, T], Grant]


def authorizer[T](container: Container[T], *, kinds: tuple[EventKind, ...]) -> Callable[[Decision[T]], Authorizer[T]]:
    """Make a Lambda authorizer of a decision, which returns a grant or raises an error.

    It denies each request whose kind is not in `kinds`.
    """
    return partial(Authorizer, container, kinds)


class Authorizer[T]:
    """Decide on each event, and log one line about the decision."""

    def __init__(self, container: Container[T], kinds: tuple[EventKind, ...], decide: Decision[T]) -> None:
        self.container = container
        self._kinds = kinds
        self._decide = decide
        update_wrapper(self, decide)

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        """Return the response for API Gateway. Raises `DecisionUnavailable`."""
        started = time.perf_counter()
        telemetry = self.container.telemetry
        telemetry.begin(_request_id(event), context)
        line: dict[str, Any] = {"decision": "none"}
        try:
            request = authorizer_request(event, self._kinds)
            line |= {"entry_point": request.kind, "merchant": request.merchant, "operation": request.operation}
            grant = self._decide(request, self.container.service)
            response = _response("Allow", request.resource, grant.as_context())
            line["decision"] = "allow"
            return response
        except Forbidden as reason:
            line |= {"decision": "deny", "reason": reason.detail}
            return _response("Deny", "*", {})
        except Unauthenticated as reason:
            line |= {"decision": "unauthorized", "reason": reason.detail}
            # The only text for which API Gateway responds with 401.
            raise DecisionUnavailable("Unauthorized") from None
        except Exception as failure:  # noqa: BLE001  # only a grant may allow a request
            line |= self._undecided(failure)
            raise DecisionUnavailable("The caller could not be checked") from None
        finally:
            line["ms"] = round((time.perf_counter() - started) * 1000, 1)
            telemetry.count(f"Authorizer.{line['decision']}")
            telemetry.log.info("decided", extra=line)
            telemetry.end()

    def _undecided(self, failure: Exception) -> dict[str, Any]:
        """Return the log's fields about a failure. The text of an exception can hold a value, so it is left out."""
        if not isinstance(failure, BrokerError):
            return {"reason": type(failure).__name__, "causes": ()}
        from token_broker.ports.telemetry import count_forbidden

        count_forbidden(self.container.telemetry, failure)
        return {"reason": failure.code, "causes": failure.causes}


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
