"""What every function does around its one call: read the event, find out who asks, answer or refuse, and say what
happened.
"""

import functools
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from token_broker.clock import Deadline, SystemClock
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import EventAdapter, JsonResponse, Reply
from token_broker.entrypoints.api_gateway import ApiGatewayAdapter
from token_broker.entrypoints.direct import DirectAdapter
from token_broker.entrypoints.inputs import Input, read
from token_broker.entrypoints.sqs import SqsAdapter, messages
from token_broker.entrypoints.storefront import StorefrontAdapter
from token_broker.errors import BrokerError, InternalError, InvalidRequest
from token_broker.telemetry import PowertoolsTelemetry

__all__ = ["Reply", "entrypoint"]

#: Seconds of the function's time that are kept for the answer itself.
LAST_SECONDS = 2.0
#: Seconds that must be left for one more message of a batch: AWS may be slow.
MESSAGE_SECONDS = 10.0
#: Where nothing says how long the function has (a test, a local run).
ASSUMED_SECONDS = 25.0


class Container[B](Protocol):
    """One provider's parts, put together by `wiring`."""

    @property
    def telemetry(self) -> PowertoolsTelemetry: ...
    def broker(self, caller: str, deadline: Deadline, grant: Grant | None) -> B: ...


type Operation[I: Input, B] = Callable[[I, B], JsonResponse | dict[str, Any] | Reply]


def entrypoint[I: Input, B](
    container: Container[B], *, accepts: type[I], success: int = 200, queue: bool = False, stream: bool = False
) -> Callable[[Operation[I, B]], Callable[[Any, Any], Any]]:
    """Make a Lambda handler of an operation, which returns what to answer with the status `success`.

    Only with `queue` does it take a queue's messages, and only with `stream` the table's changes: whoever may send
    those is trusted for every merchant.
    """

    def decorate(operation: Operation[I, B]) -> Callable[[Any, Any], Any]:
        @functools.wraps(operation)
        def lambda_handler(event: Any, context: Any) -> Any:
            batch = messages(event) if queue else None
            if batch is None:
                return handle_event(adapter_for(event, context, stream=stream), context)
            adapters = [SqsAdapter(message) for message in batch]
            # What there is no time for is handed out again like what failed. What is done stays done: a function that
            # ran out of time would have failed with the whole batch.
            failed = [
                adapter
                for adapter in adapters
                if _seconds(context) < MESSAGE_SECONDS or not handle_event(adapter, context)
            ]
            return {"batchItemFailures": [{"itemIdentifier": adapter.request_id} for adapter in failed]}

        def handle_event(adapter: EventAdapter, context: Any) -> Any:
            started = time.perf_counter()
            telemetry = container.telemetry
            telemetry.begin(adapter.request_id, context)
            status, code = 500, "internal_error"
            try:
                caller, grant = adapter.caller(), adapter.grant()
                request = read(accepts, adapter.raw_fields(accepts))
                outcome = operation(request, container.broker(caller, _deadline(context), grant))
                reply = outcome if isinstance(outcome, Reply) else Reply(outcome, success)
                status, code = reply.status, "ok"
                return adapter.respond(reply)
            except BrokerError as error:
                status, code = error.status, error.code
                telemetry.count(f"Failures.{code}")
                if isinstance(adapter, SqsAdapter) and isinstance(error, InvalidRequest):
                    # It names fields and quotes nothing; nobody reads an answer.
                    telemetry.notice("message_refused", code=code, detail=error.detail)
                if causes := getattr(error, "__notes__", None):
                    telemetry.notice("failure_caused", code=code, causes=causes)
                return adapter.reject(error)
            except Exception as error:  # noqa: BLE001  # the last line of defence: nothing of it may reach the caller
                telemetry.log.error("unexpected_failure", extra=_where(error))  # noqa: TRY400  # it logs the message
                telemetry.count("Failures.internal_error")
                return adapter.reject(_internal(adapter))
            finally:
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                telemetry.log.info(
                    "answered",
                    extra={"door": type(adapter).__name__, "status": status, "code": code, "ms": milliseconds},
                )
                telemetry.end()

        return lambda_handler

    return decorate


def adapter_for(event: Any, context: Any, *, stream: bool = False) -> EventAdapter:
    """The door that an event came through."""
    if isinstance(event, dict) and "httpMethod" in event and isinstance(event.get("requestContext"), dict):
        # The route, not the path: only the gateway names it.
        route = event.get("resource")
        return (
            StorefrontAdapter(event)
            if isinstance(route, str) and route.startswith("/storefront/")
            else ApiGatewayAdapter(event)
        )
    request_id = getattr(context, "aws_request_id", "")
    if stream:
        from token_broker.entrypoints.dynamodb_stream import StreamAdapter, changes

        if (records := changes(event)) is not None:
            return StreamAdapter(records, request_id)
    return DirectAdapter(event, request_id)


def _seconds(context: Any) -> float:
    """What is left of the function's time."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return ASSUMED_SECONDS if remaining is None else float(remaining() / 1000)


def _deadline(context: Any) -> Deadline:
    return Deadline.after(SystemClock(), _seconds(context) - LAST_SECONDS)


def _internal(adapter: EventAdapter) -> InternalError:
    return InternalError(
        f"This is a fault of the broker. Its operator finds it in the log under request {adapter.request_id}."
    )


def _where(error: Exception) -> dict[str, Any]:
    """What failed and where. Not the message: it can hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "kind": type(error).__name__,
        "frames": [f"{frame.name}:{frame.lineno} {frame.filename}" for frame in frames],
    }
