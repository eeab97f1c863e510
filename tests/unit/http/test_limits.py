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
    Unreachable,
)

OK = answer(200, "{}")


def test_no_try_is_made_without_time() -> None:
    line = HttpLine()

    with pytest.raises(ProviderUnavailable, match="no time left") as refused:
        line.send(seconds=MIN_SECONDS_LEFT - 0.01)

    assert refused.value.request_outcome is RequestOutcome.NOT_APPLIED
    assert line.observed == []


def test_the_least_time_is_enough_for_one_try_and_for_no_further_one() -> None:
    line = HttpLine(Unreachable("no"), jitter=0.0)

    with pytest.raises(ProviderUnavailable):
        line.send(seconds=MIN_SECONDS_LEFT)

    assert line.tries == 1


def test_no_further_try_is_made_where_its_wait_leaves_no_time() -> None:
    line = HttpLine(Unreachable("no"))

    with pytest.raises(ProviderUnavailable):
        line.send(seconds=0.6)

    assert line.tries == 1


def test_what_a_try_took_is_taken_off_the_time_for_the_next() -> None:
    def slow(_request: Request) -> HttpResponse:
        line.clock.advance(12)
        raise Interrupted("The provider did not answer in time.")

    line = HttpLine(slow, OK)

    line.send(seconds=15)

    assert line.allowed(1) == pytest.approx(15 - 12 - 0.4)


def test_the_tries_end_with_the_deadline() -> None:
    def slow(_request: Request) -> HttpResponse:
        line.clock.advance(12)
        raise Interrupted("The provider did not answer in time.")

    line = HttpLine(slow)

    with pytest.raises(ProviderUnavailable, match="in time"):
        line.send(seconds=12.5)


def test_the_time_limits_are_the_usual_ones_while_there_is_time() -> None:
    line = HttpLine(OK)

    line.send(seconds=20)

    sent = line.transport.sent[0]
    assert (sent.connect_timeout, sent.read_timeout, sent.body_limit) == (CONNECT_TIMEOUT, READ_TIMEOUT, BODY_LIMIT)


def test_connecting_and_reading_together_end_with_the_time_left() -> None:
    line = HttpLine(OK)

    line.send(seconds=2)

    assert (line.transport.sent[0].connect_timeout, line.allowed(0)) == (0.5, 2)


def test_a_reserve_is_left_for_what_comes_afterwards() -> None:
    line = HttpLine(OK)

    line.send("POST", seconds=5, reserve=3.0)

    assert line.allowed(0) == 2


def test_no_try_is_made_in_the_reserve() -> None:
    with pytest.raises(ProviderUnavailable, match="no time left"):
        HttpLine().send("POST", seconds=3.2, reserve=3.0)


def test_no_further_try_is_made_in_the_reserve() -> None:
    line = HttpLine(answer(500))

    assert line.send("GET", seconds=3.6, reserve=3.0).status == 500


@pytest.mark.parametrize(
    ("failure", "kind", "request_outcome", "retry_after"),
    [
        (Unreachable("Nothing was sent."), ProviderUnavailable, RequestOutcome.NOT_APPLIED, 1),
        (Interrupted("It broke off."), ProviderUnavailable, RequestOutcome.UNKNOWN, 1),
        (TimedOut("Too late."), ProviderUnavailable, RequestOutcome.IN_FLIGHT, 1),
        (TooLarge("It is too large."), ProviderError, RequestOutcome.UNKNOWN, None),
    ],
)
def test_a_failure_says_whether_the_provider_may_have_acted_and_when_to_ask_again(
    failure: Unreachable | Interrupted | TooLarge,
    kind: type[ProviderUnavailable | ProviderError],
    request_outcome: RequestOutcome,
    retry_after: float | None,
) -> None:
    line = HttpLine(failure)

    with pytest.raises(kind) as raised:
        line.send("POST")

    assert (raised.value.request_outcome, raised.value.retry_after) == (request_outcome, retry_after)
    assert raised.value.detail == str(failure)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("first", [Interrupted("It broke off."), answer(500), answer(408), answer(425)])
def test_what_may_have_happened_in_an_earlier_try_is_not_forgotten(first: Step) -> None:
    line = HttpLine(first, Unreachable("no"), Unreachable("no"))

    with pytest.raises(ProviderUnavailable) as raised:
        line.send("PUT")

    assert raised.value.request_outcome is RequestOutcome.UNKNOWN


def test_a_try_that_was_throttled_has_certainly_done_nothing() -> None:
    line = HttpLine(answer(429), Unreachable("no"), Unreachable("no"))

    with pytest.raises(ProviderUnavailable) as raised:
        line.send("PUT")

    assert raised.value.request_outcome is RequestOutcome.NOT_APPLIED


def test_an_answer_that_is_too_large_is_not_asked_for_again() -> None:
    line = HttpLine(TooLarge("It is too large."))

    with pytest.raises(ProviderError):
        line.send("GET")
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


@pytest.mark.parametrize(
    ("failure", "kind"), [(Interrupted("x"), "interrupted"), (TimedOut("x"), "timed_out"), (TooLarge("x"), "too_large")]
)
def test_a_failed_try_is_observed_by_its_kind(failure: Interrupted | TooLarge, kind: str) -> None:
    line = HttpLine(failure)

    with pytest.raises(ProviderFailure):
        line.send("POST")

    assert line.observed[0][1] == kind


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
