"""When a request to a provider is sent again, and how long is waited before."""

import pytest

from tests.fakes.lines import HttpLine
from tests.fakes.transport import answer
from token_broker.errors import ProviderUnavailable
from token_broker.http.client import Interrupted, Unreachable

OK = answer(200, "{}")
TRANSIENT = [408, 425, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_a_good_answer_is_the_answer(method: str) -> None:
    line = HttpLine(OK)

    assert line.send(method) is OK
    assert [(sent.method, sent.url) for sent in line.transport.requests] == [(method, "https://provider.example/x")]
    assert line.clock.sleeps == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("status", TRANSIENT)
def test_a_passing_status_is_asked_for_again(method: str, status: int) -> None:
    line = HttpLine(answer(status), answer(status), OK)

    assert line.send(method) is OK
    assert line.tries == 3


@pytest.mark.parametrize("failure", [Unreachable("no"), Interrupted("no")])
def test_a_broken_connection_is_tried_again(failure: Unreachable | Interrupted) -> None:
    line = HttpLine(failure, failure, OK)

    assert line.send() is OK


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 400, 401, 402, 403, 404, 409, 418, 422, 423, 501, 505])
def test_any_other_status_is_final(status: int) -> None:
    line = HttpLine(answer(status))

    assert line.send().status == status
    assert line.tries == 1


def test_three_tries_are_all_and_the_last_answer_is_the_answer() -> None:
    line = HttpLine(answer(503), answer(500), answer(502))

    assert line.send().status == 502


def test_three_broken_connections_are_the_end() -> None:
    line = HttpLine(*[Unreachable("The provider could not be reached.")] * 3)

    with pytest.raises(ProviderUnavailable, match=r"could not be reached"):
        line.send()
    assert line.tries == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("status", TRANSIENT)
def test_a_post_is_sent_once_whatever_is_answered(method: str, status: int) -> None:
    line = HttpLine(answer(status, retry_after="0"))

    assert line.send(method).status == status
    assert line.tries == 1


@pytest.mark.parametrize("failure", [Unreachable("no"), Interrupted("no")])
def test_a_post_is_sent_once_whatever_breaks(failure: Unreachable | Interrupted) -> None:
    line = HttpLine(failure)

    with pytest.raises(ProviderUnavailable):
        line.send("POST")
    assert line.clock.sleeps == []


def test_a_request_may_say_that_it_can_be_repeated() -> None:
    line = HttpLine(answer(500), OK)

    assert line.send("POST", repeatable=True) is OK


def test_a_request_may_say_that_it_cannot_be_repeated() -> None:
    line = HttpLine(answer(500))

    assert line.send("PUT", repeatable=False).status == 500


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0.0, 0.0]), (0.5, [0.2, 0.4]), (1.0, [0.4, 0.8])])
def test_the_waits_grow_and_are_jittered_down_to_nothing(jitter: float, waits: list[float]) -> None:
    line = HttpLine(answer(500), answer(500), OK, jitter=jitter)

    line.send()

    assert line.clock.sleeps == pytest.approx(waits)


@pytest.mark.parametrize("header", ["2.0", "2", " 2.0 "])
def test_retry_after_is_obeyed_also_as_a_decimal(header: str) -> None:
    line = HttpLine(answer(429, retry_after=header), OK)

    assert line.send() is OK
    assert line.clock.sleeps == [2.0]


@pytest.mark.parametrize(("header", "seconds"), [("0", 0), ("0.5", 0.5), ("86400", 86_400)])
def test_a_retry_after_is_believed_from_nothing_to_a_day(header: str, seconds: float) -> None:
    assert answer(429, retry_after=header).retry_after() == seconds


def test_without_a_retry_after_there_is_none() -> None:
    assert answer(429).retry_after() is None


def test_the_longer_of_retry_after_and_the_own_wait_counts() -> None:
    line = HttpLine(answer(429, retry_after="0.1"), OK)

    line.send()

    assert line.clock.sleeps == [0.4]


def test_a_retry_after_that_does_not_fit_ends_the_tries() -> None:
    """The answer goes to the caller with its hint, instead of a try that comes too early."""
    line = HttpLine(answer(429, retry_after="30"))

    assert line.send(seconds=20).retry_after() == 30
    assert line.clock.sleeps == []


@pytest.mark.parametrize(
    "header", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "inf", "1e9", "86401", "2,0"]
)
def test_a_senseless_retry_after_counts_for_nothing(header: str) -> None:
    assert answer(429, retry_after=header).retry_after() is None
    line = HttpLine(answer(429, retry_after=header), OK)

    line.send()

    assert line.clock.sleeps == [0.4]
