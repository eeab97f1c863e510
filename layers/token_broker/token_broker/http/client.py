"""HTTP to providers: what is sent, what may come back, and when it is asked again.

    GET, PUT, DELETE  up to three tries on a broken connection, a time-out, 429 or 5xx; capped back-off with full jitter
                      (Stripe's and AWS's published practice), `Retry-After` obeyed where it fits into the time left
    POST              sent once: the provider may have acted although no answer came

No exchange outlives the deadline (looking a name up can, and trying one dead address after another), a body is read up
to a limit, redirects are not followed. Failures come out as `ProviderUnavailable` or `ProviderError`, whose `fate` says
whether the provider may have acted; every HTTP status is an answer, judged by the caller. `requests` is loaded by the
first call that needs it (see `transport`): a token served from the store pays nothing for it.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from token_broker.clock import Clock, Deadline
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
#: Seconds to wait for an answer. Fourthwall delays what exceeds 100 requests in 10 s instead of refusing it.
READ_TIMEOUT = 12.0
CONNECT_TIMEOUT = 3.0
#: Below this many seconds a further try cannot end well.
MIN_SECONDS_LEFT = 0.25
BODY_LIMIT = 1024 * 1024

_REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `headers` and `body` may hold secrets and are not shown; `repeatable` overrules the method."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool | None = None
    #: Seconds of the deadline to leave for what the caller must do afterwards.
    reserve: float = 0.0

    def may_repeat(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method in _REPEATABLE if self.repeatable is None else self.repeatable


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back: header names in lower case; the body may hold a token, so it is not shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON, or None where it is not JSON (a body that is the JSON `null` means as little)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def retry_after(self) -> float | None:
        """`Retry-After` in seconds (Shopify sends decimals); None where it is missing, a date, or senseless."""
        try:
            seconds = float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None
        return seconds if 0 <= seconds <= 86_400 else None


class Transport(Protocol):
    """Sends one request once. Raises `Unreachable` before anything was sent, `Interrupted` after it, `TooLarge`.

    Both time-outs together bound the whole exchange.
    """

    def send(
        self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int
    ) -> HttpResponse: ...


class TransportFailure(Exception):
    """A request that got no whole answer. Its text is ours: exceptions of the HTTP library can quote headers."""


class Unreachable(TransportFailure):
    """Nothing was sent: no address, no connection, no trusted certificate."""


class Interrupted(TransportFailure):
    """Sent, at least in part, and then no whole answer."""


class TimedOut(Interrupted):
    """Sent, and then our own clock ended the wait."""


class TooLarge(TransportFailure):
    """The answer is larger than any honest one."""


#: Told of each try: method, HTTP status or the failure's kind, and seconds.
Observer = Callable[[str, int | str, float], None]


def _ignore(_method: str, _outcome: int | str, _seconds: float) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class HttpClient:
    """Sends requests to one provider within a deadline."""

    clock: Clock
    transport: Transport
    observe: Observer = _ignore
    jitter: Callable[[], float] = random.random

    def send(self, request: Request, deadline: Deadline) -> HttpResponse:
        """The provider's answer, whatever its status. Raises `ProviderUnavailable`, `ProviderError`."""
        tries = TRIES if request.may_repeat() else 1
        request_outcome = RequestOutcome.NOT_APPLIED
        for attempt in range(1, tries + 1):
            wait = min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt) * self.jitter()
            try:
                response = self._try_once(request, deadline)
            except ProviderUnavailable as failure:
                # What an earlier try may have done is not undone by one that certainly did nothing.
                request_outcome = failure.request_outcome = (
                    request_outcome
                    if failure.request_outcome is RequestOutcome.NOT_APPLIED
                    else failure.request_outcome
                )
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
            raise ProviderUnavailable("There was no time left to ask the provider. Try again.", retry_after=1)
        # Both together end within the time left: the transport bounds the whole exchange by their sum.
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
        except Unreachable as failure:
            outcome = "unreachable"
            raise ProviderUnavailable(str(failure), retry_after=1) from None
        except TimedOut as failure:
            outcome = "timed_out"
            raise ProviderUnavailable(str(failure), retry_after=1, request_outcome=RequestOutcome.IN_FLIGHT) from None
        except Interrupted as failure:
            outcome = "interrupted"
            raise ProviderUnavailable(str(failure), retry_after=1, request_outcome=RequestOutcome.UNKNOWN) from None
        except TooLarge as failure:
            outcome = "too_large"
            raise ProviderError(str(failure), request_outcome=RequestOutcome.UNKNOWN) from None
        finally:
            self.observe(request.method, outcome, self.clock.monotonic() - started)


def _fits(wait: float, request: Request, deadline: Deadline) -> bool:
    return deadline.left() - request.reserve > wait + MIN_SECONDS_LEFT


def error_from_status(response: HttpResponse, *, code: str | None, message: str | None) -> ProviderFailure:
    """What a status means at any provider; a provider's own meanings are judged before this.

    `code` and `message` are the provider's words, redacted already.
    """
    reply = ProviderReply(response.status, code, message)
    if response.status in (401, 403):
        return ProviderRejectedCredentials(
            "The provider refused the merchant's credentials. Put valid ones into the merchant's secret.",
            reply=reply,
        )
    if response.status == 429:
        return ProviderThrottled(
            "The provider limits the rate of requests for this merchant. Ask again after the stated time.",
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
        return malformed_response("a success of another kind than was asked for", reply=reply)
    if response.status < 400:
        return ProviderError("The provider answered with a redirect, which is never followed.", reply=reply)
    return ProviderError("The provider refused the request.", reply=reply)


def malformed_response(what: str, *, reply: ProviderReply | None = None) -> ProviderError:
    """A success that is none. The provider has probably acted, so the fate is unknown."""
    return ProviderError(
        f"The provider's answer is not usable: {what}.", reply=reply, request_outcome=RequestOutcome.UNKNOWN
    )
