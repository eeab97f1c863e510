"""Do what every function does around its one call: read the event, identify the caller, respond, and log the call."""

from __future__ import annotations

import functools
import time
import traceback
from typing import TYPE_CHECKING, Any, Protocol

from token_broker.clock import Deadline, SystemClock
from token_broker.domain.caller import shown_caller
from token_broker.entrypoints.adapter import EventAdapter, JsonResponse, Reply
from token_broker.entrypoints.inputs import Input, read
from token_broker.errors import BrokerError, InternalError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_broker.domain.grant import Grant
    from token_broker.telemetry import PowertoolsTelemetry

__all__ = ["Reply", "entrypoint"]

#: Seconds of the function's time that are kept for the response itself.
LAST_SECONDS = 2.0
#: Seconds that must be left to begin one more message of a batch. AWS may be slow.
MESSAGE_SECONDS = 10.0
#: Seconds that are assumed where the context states no limit, as in tests.
ASSUMED_SECONDS = 25.0


class Container[B](Protocol):
    """Make the parts that a call needs. `wiring` has the implementations."""

    @property
    def telemetry(self) -> PowertoolsTelemetry:
        """Return the logs and metrics of the process."""
        ...

    def broker(self, caller: str, deadline: Deadline, grant: Grant | None) -> B:
        """Return the operations for one call."""
        ...


type Operation[I: Input, B] = Callable[[I, B], JsonResponse | dict[str, Any] | Reply]


def entrypoint[I: Input, B](
    container: Container[B],
    name: str,
    *,
    accepts: type[I],
    success: int = 200,
    queue: bool = False,
    stream: bool = False,
) -> Callable[[Operation[I, B]], Callable[[Any, Any], Any]]:
    """Make a Lambda handler of an operation. Its result is returned with the status `success`.

    `name` is the function's folder, as in `shopify/rotate`. Only with `queue` does the handler accept SQS messages, and
    only with `stream` the table's changes. Senders of both are trusted for every merchant.
    """

    def decorate(operation: Operation[I, B]) -> Callable[[Any, Any], Any]:
        @functools.wraps(operation)
        def lambda_handler(event: Any, context: Any) -> Any:
            batch = _messages(event) if queue else None
            if batch is None:
                return handle_event(adapter_for(event, context, stream=stream), context)
            # A message without enough time left is redelivered like a failed one. A function that ran out of time
            # would fail with the whole batch.
            failed = [
                message
                for message in batch
                if _seconds(context) < MESSAGE_SECONDS or not handle_event(message, context)
            ]
            return {"batchItemFailures": [{"itemIdentifier": message.request_id} for message in failed]}

        def handle_event(adapter: EventAdapter, context: Any) -> Any:
            started = time.perf_counter()
            telemetry = container.telemetry
            telemetry.begin(adapter.request_id, context)
            line: dict[str, Any] = {"entry_point": adapter.entry_point, "operation": name}
            status, code = 500, "internal_error"
            try:
                caller = adapter.caller()
                line["caller"] = shown_caller(caller)
                grant = adapter.grant()
                request = read(accepts, adapter.raw_fields(accepts))
                line |= _merchant(request)
                outcome = operation(request, container.broker(caller, _deadline(context), grant))
                reply = outcome if isinstance(outcome, Reply) else Reply(outcome, success)
                line |= _token(reply)
                status, code = reply.status, "ok"
                return adapter.respond(reply)
            except BrokerError as error:
                status, code = error.status, error.code
                telemetry.count(f"Failures.{code}")
                if adapter.entry_point == "queue" and isinstance(error, InvalidRequest):
                    # Nobody reads a response to a message. The detail names fields and quotes nothing.
                    telemetry.notice("message_rejected", code=code, detail=error.detail)
                if causes := getattr(error, "__notes__", None):
                    telemetry.notice("failure_causes", code=code, causes=causes)
                return adapter.reject(error)
            except Exception as error:  # noqa: BLE001  # the last line of defense: nothing of it may reach the caller
                telemetry.log.error("unexpected_failure", extra=_where(error))  # noqa: TRY400  # it logs the message
                telemetry.count("Failures.internal_error")
                return adapter.reject(_internal(adapter))
            finally:
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                telemetry.answered(**line, status=status, code=code, ms=milliseconds)
                telemetry.end()

        return lambda_handler

    return decorate


def adapter_for(event: Any, context: Any, *, stream: bool = False) -> EventAdapter:
    """Return the adapter for an event. Each kind is imported when it first occurs, since a function meets few kinds."""
    if isinstance(event, dict) and "httpMethod" in event and isinstance(event.get("requestContext"), dict):
        # The route decides, not the path: only the gateway names the route.
        route = event.get("resource")
        if isinstance(route, str) and route.startswith("/storefront/"):
            from token_broker.entrypoints.storefront import StorefrontAdapter

            return StorefrontAdapter(event)
        from token_broker.entrypoints.api_gateway import ApiGatewayAdapter

        return ApiGatewayAdapter(event)
    request_id = getattr(context, "aws_request_id", "")
    if stream:
        from token_broker.entrypoints.dynamodb_stream import StreamAdapter, changes

        if (records := changes(event)) is not None:
            return StreamAdapter(records, request_id)
    from token_broker.entrypoints.direct import DirectAdapter

    return DirectAdapter(event, request_id)


def _messages(event: Any) -> list[EventAdapter] | None:
    """Return an adapter for each message of a batch, or None if the event is no batch."""
    from token_broker.entrypoints.sqs import SqsAdapter, messages

    batch = messages(event)
    return None if batch is None else [SqsAdapter(message) for message in batch]


def _merchant(request: Input) -> dict[str, str]:
    merchant = getattr(request, "merchant", None)
    return {} if merchant is None else {"merchant": merchant}


def _token(reply: Reply) -> dict[str, str]:
    """Return the log's fields about the one token that a reply shows: its fingerprint, and that it came from the store.

    An operation that took it from elsewhere has annotated the line with that.
    """
    token: Any = getattr(reply.body, "token", reply.body)
    fingerprint = getattr(token, "digest", None)
    if fingerprint is None:
        return {}
    return (
        {"fingerprint": fingerprint} if token.access_token is None else {"fingerprint": fingerprint, "served": "store"}
    )


def _seconds(context: Any) -> float:
    """Return what is left of the function's time."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return ASSUMED_SECONDS if remaining is None else float(remaining() / 1000)


def _deadline(context: Any) -> Deadline:
    return Deadline.after(SystemClock(), _seconds(context) - LAST_SECONDS)


def _internal(adapter: EventAdapter) -> InternalError:
    return InternalError(
        f"This is a fault of the broker. Its operator finds it in the log under request {adapter.request_id}."
    )


def _where(error: Exception) -> dict[str, Any]:
    """Return what failed and where. The message is left out: it can hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "kind": type(error).__name__,
        "frames": [f"{frame.name}:{frame.lineno} {frame.filename}" for frame in frames],
    }
