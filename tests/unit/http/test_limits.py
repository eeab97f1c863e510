"""The time that a request to a provider has, and what is known when it fails."""

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.lines import HttpLine
from tests.fakes.transport import ScriptedTransport, Step, answer
from token_broker.clock import Deadline
from token_broker.errors import ProviderError, ProviderFailure, ProviderUnavailable, RequestOutcome
from token_broker.http.client import (
    BODY_LIMIT,
    CONNECT_TIMEOUT,
    MIN_SECONDS_LEFT,
    READ_TIMEOUT,
    HttpClient,
    HttpResponse,
    Interrupted,
    Request,
    TimedOut,
    TooLarge,
    TransportFailure,
    Unreachable,
)

OK = answer(200, "{}")


def failure(line: HttpLine, method: str = "GET", seconds: float = 20, **more: float) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as raised:
        line.send(method, seconds, **more)
    return raised.value


def test_no_try_is_made_without_time_or_in_the_reserve() -> None:
    for seconds, reserve in ((MIN_SECONDS_LEFT - 0.01, 0.0), (3.2, 3.0)):
        line = HttpLine()

        refused = failure(line, seconds=seconds, reserve=reserve)

        assert (type(refused), refused.request_outcome) == (ProviderUnavailable, RequestOutcome.NOT_APPLIED)
        assert "no time left" in refused.detail
        assert line.observed == []


@pytest.mark.parametrize(("seconds", "jitter"), [(MIN_SECONDS_LEFT, 0.0), (0.6, 1.0)])
def test_no_further_try_is_made_where_its_wait_leaves_no_time(seconds: float, jitter: float) -> None:
    """The least time is enough for one try."""
    line = HttpLine(Unreachable("no"), jitter=jitter)

    failure(line, seconds=seconds)

    assert line.tries == 1


def test_no_further_try_is_made_in_the_reserve() -> None:
    line = HttpLine(answer(500))

    assert line.send("GET", seconds=3.6, reserve=3.0).status == 500


def test_what_a_try_took_is_taken_off_the_time_for_the_next_until_the_deadline() -> None:
    def slow(_request: Request) -> HttpResponse:
        line.clock.advance(12)
        raise Interrupted("The provider did not answer in time.")

    line = HttpLine(slow, OK)
    line.send(seconds=15)
    assert line.allowed(1) == pytest.approx(15 - 12 - 0.4)

    line = HttpLine(slow)
    assert "in time" in failure(line, seconds=12.5).detail


@pytest.mark.parametrize(
    ("seconds", "reserve", "connecting", "allowed"),
    [(20, 0.0, CONNECT_TIMEOUT, CONNECT_TIMEOUT + READ_TIMEOUT), (2, 0.0, 0.5, 2), (5, 3.0, 0.5, 2)],
)
def test_connecting_and_reading_together_end_with_the_time_left(
    seconds: float, reserve: float, connecting: float, allowed: float
) -> None:
    """The limits are the usual ones while there is time. A reserve is left for what comes afterwards."""
    line = HttpLine(OK)

    line.send("POST", seconds=seconds, reserve=reserve)

    (sent,) = line.transport.sent
    assert (sent.connect_timeout, line.allowed(0), sent.body_limit) == (connecting, allowed, BODY_LIMIT)


@pytest.mark.parametrize(
    ("failed", "observed", "kind", "request_outcome", "retry_after"),
    [
        (Unreachable("Nothing was sent."), "unreachable", ProviderUnavailable, RequestOutcome.NOT_APPLIED, 1),
        (Interrupted("It broke off."), "interrupted", ProviderUnavailable, RequestOutcome.UNKNOWN, 1),
        (TimedOut("Too late."), "timed_out", ProviderUnavailable, RequestOutcome.IN_FLIGHT, 1),
        (TooLarge("It is too large."), "too_large", ProviderError, RequestOutcome.UNKNOWN, None),
    ],
)
def test_a_failure_says_whether_the_provider_may_have_acted_and_when_to_ask_again(
    failed: TransportFailure,
    observed: str,
    kind: type[ProviderFailure],
    request_outcome: RequestOutcome,
    retry_after: float | None,
) -> None:
    line = HttpLine(failed)

    raised = failure(line, "POST")

    assert type(raised) is kind
    assert (raised.request_outcome, raised.retry_after) == (request_outcome, retry_after)
    assert raised.detail == str(failed)
    assert raised.__suppress_context__
    assert line.observed[0][1] == observed


@pytest.mark.parametrize(
    ("first", "request_outcome"),
    [
        (Interrupted("It broke off."), RequestOutcome.UNKNOWN),
        (answer(500), RequestOutcome.UNKNOWN),
        (answer(408), RequestOutcome.UNKNOWN),
        (answer(425), RequestOutcome.UNKNOWN),
        (answer(429), RequestOutcome.NOT_APPLIED),
    ],
)
def test_what_may_have_happened_in_an_earlier_try_is_not_forgotten(
    first: Step, request_outcome: RequestOutcome
) -> None:
    """A try that was throttled has certainly done nothing."""
    line = HttpLine(first, Unreachable("no"), Unreachable("no"))

    assert failure(line, "PUT").request_outcome is request_outcome


def test_an_answer_that_is_too_large_is_not_requested_again() -> None:
    line = HttpLine(TooLarge("It is too large."))

    assert isinstance(failure(line, "GET"), ProviderError)
    assert line.tries == 1


def test_every_try_is_observed_with_its_outcome_and_duration() -> None:
    def slow(_request: Request) -> HttpResponse:
        line.clock.advance(0.5)
        return OK

    line = HttpLine(Unreachable("no"), answer(503), slow)

    line.send("PUT")

    assert [(method, outcome) for method, outcome, _ in line.observed] == [
        ("PUT", "unreachable"),
        ("PUT", 503),
        ("PUT", 200),
    ]
    assert line.observed[2][2] == pytest.approx(0.5)


def test_a_fault_of_the_transport_itself_is_observed_and_not_hidden() -> None:
    def fault(_request: Request) -> HttpResponse:
        raise RuntimeError

    line = HttpLine(fault)

    with pytest.raises(RuntimeError):
        line.send()
    assert line.observed[0][1] == "failed"


def test_a_client_without_an_observer_works() -> None:
    clock = MovableClock()
    client = HttpClient(clock, ScriptedTransport(OK))

    assert client.send(Request("GET", "https://x"), Deadline.after(clock, 5)) is OK


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_is_not_json_is_none(body: bytes) -> None:
    assert answer(200, body).json() is None
