"""Send HTTP requests to providers, and retry the ones that are safe to repeat.

    GET, PUT, DELETE  At most three tries. A broken connection, a time-out, 408, 425, 429 and a transient 5xx are
                      retried. The back-off is capped and has full jitter, as Stripe and AWS recommend. `Retry-After`
                      is obeyed if it fits into the time left.
    POST              One try. The provider may have acted even if no response arrived.

Every exchange ends by the deadline. Only a slow name lookup or a series of dead addresses can take longer. A body is
read up to a limit. Redirects are not followed. A response of any status is returned to the caller. Failures are
`ProviderUnavailable` or `ProviderError`, and their `request_outcome` tells whether the provider may have acted.

The first provider request of a process loads `requests` (see `transport`). A token from the store does not need it.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from token_broker.clock import Clock, Deadline
from token_broker.domain.shown import shown
from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderReply,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
)

TRIES = 3
BACKOFF_BASE = 0.2
BACKOFF_CAP = 2.0
#: Seconds to wait for a response. Fourthwall delays requests above 100 in 10 s, and does not reject them.
READ_TIMEOUT = 12.0
CONNECT_TIMEOUT = 3.0
#: Seconds that must be left for one more try.
MIN_SECONDS_LEFT = 0.25
BODY_LIMIT = 1024 * 1024

_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
#: The last five come from a proxy in front of the provider, which got no usable answer.
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class Request(NamedTuple):
    """Hold one request.

    `headers` and `body` may contain secrets, and are not shown. `repeatable` overrides the method's default.
    """

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    repeatable: bool | None = None
    #: Seconds of the deadline that the caller needs after the request.
    reserve: float = 0.0

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("headers", "body"))

    def may_repeat(self) -> bool:
        """Return whether the request is safe to repeat."""
        return self.method in _REPEATABLE if self.repeatable is None else self.repeatable


class HttpResponse(NamedTuple):
    """Hold a response, with header names in lower case. The body may contain a token, and is not shown."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Show all but what may be a value."""
        return shown(self, without=("headers", "body"))

    def json(self) -> Any:
        """Return the body's JSON value, or None if the body is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def retry_after(self) -> float | None:
        """Return `Retry-After` in seconds (Shopify sends decimals), or None if it is missing, a date or malformed."""
        try:
            seconds = float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None
        return seconds if 0 <= seconds <= 86_400 else None


class Transport(Protocol):
    """Send requests without retries."""

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        """Send the request once. The whole exchange takes at most the sum of both time-outs (seconds).

        Raises `Unreachable` if nothing was sent. Raises `Interrupted` if the response is not complete. Raises
        `TooLarge` if the body exceeds `body_limit` bytes.
        """


class TransportFailure(Exception):
    """Report a request without a complete response.

    The text never quotes the HTTP library's exceptions, because they can contain headers.
    """

    kind: ClassVar[str]
    request_outcome: ClassVar[RequestOutcome] = RequestOutcome.UNKNOWN


class Unreachable(TransportFailure):
    """Report that nothing was sent: there is no address, no connection or no trusted certificate."""

    kind, request_outcome = "unreachable", RequestOutcome.NOT_APPLIED


class Interrupted(TransportFailure):
    """Report that the request was sent at least in part, and that the response is not complete."""

    kind = "interrupted"


class TimedOut(Interrupted):
    """Report that the request was sent, and that the time-out ended the wait for the response."""

    kind, request_outcome = "timed_out", RequestOutcome.IN_FLIGHT


class TooLarge(TransportFailure):
    """Report that the response is larger than the limit."""

    kind = "too_large"


#: Receives each try: the method, the HTTP status or kind of failure, and the seconds.
Observer = Callable[[str, int | str, float], None]


def _ignore(_method: str, _outcome: int | str, _seconds: float) -> None:
    """Ignore the try."""


class HttpClient(NamedTuple):
    """Send requests to one provider within a deadline."""

    clock: Clock
    transport: Transport
    observe: Observer = _ignore
    jitter: Callable[[], float] = random.random

    def send(self, request: Request, deadline: Deadline) -> HttpResponse:
        """Return the provider's response with any status. Raises `ProviderUnavailable` or `ProviderError`."""
        tries = TRIES if request.may_repeat() else 1
        request_outcome = RequestOutcome.NOT_APPLIED
        for attempt in range(1, tries + 1):
            wait = min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt) * self.jitter()
            try:
                response = self._try_once(request, deadline)
            except ProviderUnavailable as failure:
                if failure.request_outcome is not RequestOutcome.NOT_APPLIED:
                    request_outcome = failure.request_outcome
                failure.request_outcome = request_outcome  # an earlier try may have been applied
                if attempt == tries or not _fits(wait, request, deadline):
                    raise
            else:
                wait = max(wait, response.retry_after() or 0.0)
                if response.status not in _TRANSIENT or attempt == tries or not _fits(wait, request, deadline):
                    return response
                request_outcome = request_outcome if response.status == 429 else RequestOutcome.UNKNOWN
            self.clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _try_once(self, request: Request, deadline: Deadline) -> HttpResponse:
        left = deadline.left() - request.reserve
        if left < MIN_SECONDS_LEFT:
            raise ProviderUnavailable("There was no time left to call the provider. Try again.", retry_after=1)
        # The sum of both time-outs is at most the time left, because it limits the whole exchange.
        connect_timeout = min(CONNECT_TIMEOUT, left / 4)
        started = self.clock.monotonic()
        outcome: int | str = "failed"
        try:
            response = self.transport.send(
                request,
                connect_timeout=connect_timeout,
                read_timeout=min(READ_TIMEOUT, left - connect_timeout),
                body_limit=BODY_LIMIT,
            )
            outcome = response.status
            return response
        except TransportFailure as failure:
            outcome = failure.kind
            if isinstance(failure, TooLarge):
                raise ProviderError(str(failure), request_outcome=failure.request_outcome) from None
            raise ProviderUnavailable(str(failure), retry_after=1, request_outcome=failure.request_outcome) from None
        finally:
            self.observe(request.method, outcome, self.clock.monotonic() - started)


def _fits(wait: float, request: Request, deadline: Deadline) -> bool:
    return deadline.left() - request.reserve > wait + MIN_SECONDS_LEFT


def error_from_status(response: HttpResponse, reply: ProviderReply) -> ProviderFailure:
    """Return the error for a status that means the same at every provider.

    A provider's module handles its special cases first. The texts of `reply` are already redacted.
    """
    if response.status in (401, 403):
        return ProviderRejectedCredentials(
            "The provider rejected the merchant's credentials. Put valid credentials into the merchant's secret.",
            reply=reply,
        )
    if response.status == 429:
        return ProviderThrottled(
            "The provider limits the rate of requests for this merchant. Try again after the stated time.",
            reply=reply,
            retry_after=response.retry_after() or 1,
        )
    if response.status >= 500 or response.status in (408, 425):
        return ProviderUnavailable(
            "The provider failed. Try again later.",
            reply=reply,
            retry_after=response.retry_after() or 1,
            request_outcome=RequestOutcome.UNKNOWN,
        )
    if response.status < 300:
        return malformed_response("its success status is not the documented one", reply=reply)
    if response.status < 400:
        return ProviderError("The provider responded with a redirect, which is never followed.", reply=reply)
    return ProviderError("The provider rejected the request.", reply=reply)


def malformed_response(what: str, *, reply: ProviderReply | None = None) -> ProviderError:
    """Return the error for a success response that cannot be used.

    The request's outcome is unknown, because the provider has probably acted.
    """
    return ProviderError(
        f"The provider's response is not usable: {what}.", reply=reply, request_outcome=RequestOutcome.UNKNOWN
    )
