"""AWS failing in a chosen way, by hooks of botocore on one client: before it acts, or after it has acted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/tokens"


@dataclass
class Outage:
    """How often it struck; at most `times`."""

    times: int
    struck: int = 0


def aws_error(code: str, **more: Any) -> ClientError:
    """Return an AWS error whose message names a resource, as AWS's messages do."""
    said = {"Error": {"Code": code, "Message": f"User is not authorized on resource {ARN}"}, **more}
    return ClientError(said, "Operation")  # type: ignore[arg-type]  # the stubs know no CancellationReasons


def timed_out() -> ReadTimeoutError:
    """No answer in time, after botocore's own tries."""
    return ReadTimeoutError(endpoint_url=f"https://dynamodb.us-east-1.amazonaws.com/{ARN}")


@contextmanager
def refusing(
    client: Any,
    *operations: str,
    error: Callable[[], BaseException] = timed_out,
    acted: bool = False,
    times: int = 1_000_000,
    spared: int = 0,
) -> Iterator[Outage]:
    """Fail the next `times` calls of the client's operations (`PutItem`, …) after `spared` calls that succeed.

    With `acted` a call fails only after it did its work.
    """
    outage, calls = Outage(times), count()

    def strike(**_: Any) -> None:
        if next(calls) >= spared and outage.struck < outage.times:
            outage.struck += 1
            raise error()

    service = client.meta.service_model.service_id.hyphenize()
    events = [f"{'after' if acted else 'before'}-call.{service}.{operation}" for operation in operations]
    for event in events:
        client.meta.events.register(event, strike)
    try:
        yield outage
    finally:
        for event in events:
            client.meta.events.unregister(event, strike)


@contextmanager
def answer_lost(client: Any, operation: str) -> Iterator[Outage]:
    """Lose the next response of this operation after the service acted, so that botocore repeats the call."""
    outage = Outage(1)

    def lose(request: Any, **_: Any) -> None:
        target = request.headers.get("X-Amz-Target", b"")
        name = target.decode() if isinstance(target, bytes) else str(target)
        if name.endswith(f".{operation}") and outage.struck < outage.times:
            outage.struck += 1
            if client.meta.endpoint_url.startswith("http://127.0.0.1:"):
                # An engine of its own acts once it is asked; moto did in this very event.
                client._endpoint.http_session.send(request)  # noqa: SLF001
            raise timed_out()

    client.meta.events.register_last("before-send", lose)
    try:
        yield outage
    finally:
        client.meta.events.unregister("before-send", lose)
