"""Do what every function does around its one call: read the event, identify the caller, respond, and log the call."""

from __future__ import annotations

import time
import traceback
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, NamedTuple

from token_broker.clock import Deadline, SystemClock
from token_broker.domain.caller import shown_caller
from token_broker.entrypoints.adapter import Body, Container, Invocation, Reply, seconds_left
from token_broker.entrypoints.events import EventKind, invocation_of, kind_of, load_adapters
from token_broker.entrypoints.inputs import Input, MerchantInput, read
from token_broker.errors import BrokerError, Forbidden, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.domain.grant import Grant

__all__ = ["Reply", "Request", "entrypoint"]

#: Seconds of the function's time that are kept for the response itself.
LAST_SECONDS = 2.0


class Request(NamedTuple):
    """Hold who calls, until when, and what a storefront or client may have.

    `grant` is None for a caller that IAM admitted.
    """

    caller: str
    deadline: Deadline
    grant: Grant | None = None


type Operation[I: Input, S] = Callable[[I, S], Body | Reply]


def entrypoint[I: Input, S](
    container: Container[Callable[[Request], S]],
    name: str,
    *,
    accepts: type[I],
    success: int = 200,
    events: tuple[EventKind, ...] = (),
) -> Callable[[Operation[I, S]], Handler[I, S]]:
    """Make a Lambda handler of an operation. Its result is returned with the status `success`.

    `name` is the function's folder, as in `shopify/rotate`. The handler refuses each event whose kind is not in
    `events`.
    """
    load_adapters(events)
    return partial(Handler, container=container, name=name, accepts=accepts, success=success, events=events)


class Handler[I: Input, S]:
    """Call the operation for each invocation of an event, and respond."""

    def __init__(
        self,
        operation: Operation[I, S],
        *,
        container: Container[Callable[[Request], S]],
        name: str,
        accepts: type[I],
        success: int,
        events: tuple[EventKind, ...],
    ) -> None:
        self.container = container
        self._name = name
        self.accepts = accepts
        self._success = success
        self._events = events
        self._operation = operation
        update_wrapper(self, operation)

    def __call__(self, event: Any, context: Any) -> Any:
        """Return what the function returns for the event. A failed direct invocation raises its error."""
        kind = kind_of(event, self._events)
        if kind == "queue":
            from token_broker.entrypoints.sqs import process

            answer = partial(self._answer, kind, context)
            return process(event["Records"], context, self.container.telemetry, answer)
        return self._answer(kind, context, invocation_of(kind, event, getattr(context, "aws_request_id", "")))

    def _answer(self, kind: EventKind, context: Any, invocation: Invocation) -> Any:
        """Return the invocation's result, and log one line about it."""
        started = time.perf_counter()
        telemetry = self.container.telemetry
        telemetry.begin(invocation.request_id, context)
        line: dict[str, Any] = {"entry_point": kind, "operation": self._name}
        try:
            reply = self._reply(kind, invocation, context, line)
            result = invocation.respond(reply)
            line |= {"status": reply.status, "code": "ok"}
            return result
        except Exception as failure:  # noqa: BLE001  # nothing of an unexpected failure may reach the caller
            error = self._error(failure, invocation)
            line |= {"status": error.status, "code": error.code}
            return invocation.reject(error)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            telemetry.answered(**line, ms=milliseconds)
            telemetry.end()

    def _reply(self, kind: EventKind, invocation: Invocation, context: Any, line: dict[str, Any]) -> Reply:
        """Return the operation's reply, and add what becomes known of the call to its line."""
        caller = invocation.caller()
        line["caller"] = shown_caller(caller)
        if kind not in self._events:
            raise _refusal(kind)
        grant = invocation.grant()
        fields = read(self.accepts, invocation.raw_fields(self.accepts))
        if isinstance(fields, MerchantInput):
            line["merchant"] = fields.merchant
        deadline = Deadline.after(SystemClock(), seconds_left(context) - LAST_SECONDS)
        outcome = self._operation(fields, self.container.service(Request(caller, deadline, grant)))
        reply = outcome if isinstance(outcome, Reply) else Reply(outcome, self._success)
        line |= _token(reply)
        return reply

    def _error(self, failure: Exception, invocation: Invocation) -> BrokerError:
        """Return the error for the caller, and log its cause."""
        from token_broker.ports.telemetry import count_failure

        telemetry = self.container.telemetry
        if not isinstance(failure, BrokerError):
            telemetry.log.error("unexpected_failure", extra=_where(failure))
            failure = InternalError(
                "This is a fault of the broker. Its operator finds it in the log under request "
                f"{invocation.request_id}."
            )
        count_failure(telemetry, failure)
        if failure.causes:
            telemetry.notice("failure_causes", code=failure.code, causes=failure.causes)
        return failure


def _refusal(kind: EventKind) -> Forbidden:
    if kind in ("storefront", "client"):
        return Forbidden("Such callers can only ask for the current token.")
    return Forbidden("This function does not accept events of this kind.")


def _token(reply: Reply) -> dict[str, str]:
    """Return the log's fields about the one token that a reply shows: its fingerprint, and that it came from the store.

    An operation that took it from elsewhere has annotated the line with that.
    """
    token: Any = getattr(reply.body, "token", reply.body)
    fingerprint = getattr(token, "digest", None)
    if fingerprint is None:
        return {}
    served = {} if token.access_token is None else {"served": "store"}
    return {"fingerprint": fingerprint, **served}


def _where(error: Exception) -> dict[str, Any]:
    """Return what failed and where. The message is left out: it can hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name}:{frame.lineno} {frame.filename}" for frame in frames]
    return {"kind": type(error).__name__, "frames": places}
