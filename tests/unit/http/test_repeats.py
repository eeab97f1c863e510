"""When a request to a provider is sent again, and how long is waited before."""

import pytest

from tests.fakes.lines import HttpLine
from tests.fakes.transport import Step, answer
from token_broker.errors import ProviderUnavailable
from token_broker.http.client import Interrupted, Unreachable

OK = answer(200, "{}")
TRANSIENT = [answer(status, retry_after="0") for status in (408, 425, 429, 500, 502, 503, 504)]
BROKEN = [Unreachable("The provider could not be reached."), Interrupted("It broke off.")]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 400, 401, 402, 403, 404, 409, 418, 422, 423, 501, 505])
def test_an_answer_that_will_not_change_is_the_answer(method: str, status: int) -> None:
    line = HttpLine(answer(status))

    assert line.send(method).status == status
    assert [(sent.method, sent.url) for sent in line.transport.requests] == [(method, "https://provider.example/x")]
    assert line.clock.sleeps == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("first", [*TRANSIENT, *BROKEN])
def test_a_passing_failure_is_tried_again(method: str, first: Step) -> None:
    line = HttpLine(first, first, OK)

    assert line.send(method) is OK
    assert line.tries == 3


def test_three_tries_are_all_and_the_last_answer_is_the_answer() -> None:
    assert HttpLine(answer(503), answer(500), answer(502)).send().status == 502
    with pytest.raises(ProviderUnavailable, match="could not be reached"):
        HttpLine(*BROKEN[:1] * 3).send()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("said", TRANSIENT)
def test_a_post_is_sent_once_whatever_is_answered(method: str, said: Step) -> None:
    assert HttpLine(said).send(method) is said


@pytest.mark.parametrize("failure", BROKEN)
def test_a_post_is_sent_once_whatever_breaks(failure: Step) -> None:
    line = HttpLine(failure)

    with pytest.raises(ProviderUnavailable):
        line.send("POST")
    assert line.clock.sleeps == []


def test_a_request_may_say_whether_it_can_be_repeated() -> None:
    assert HttpLine(answer(500), OK).send("POST", repeatable=True) is OK
    assert HttpLine(answer(500)).send("PUT", repeatable=False).status == 500


@pytest.mark.parametrize(("jitter", "waits"), [(0.0, [0.0, 0.0]), (0.5, [0.2, 0.4]), (1.0, [0.4, 0.8])])
def test_the_waits_grow_and_are_jittered_down_to_nothing(jitter: float, waits: list[float]) -> None:
    line = HttpLine(answer(500), answer(500), OK, jitter=jitter)

    line.send()

    assert line.clock.sleeps == pytest.approx(waits)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *(("2.0", 2.0), ("2", 2.0), (" 2.0 ", 2.0), ("0", 0), ("0.5", 0.5), ("86400", 86_400)),
        *((senseless, None) for senseless in ("", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "2,0")),
        *((senseless, None) for senseless in ("-1", "nan", "inf", "1e9", "86401")),
    ],
)
def test_a_retry_after_is_believed_from_nothing_to_a_day_also_as_a_decimal(header: str, seconds: float | None) -> None:
    assert answer(429, retry_after=header).retry_after() == seconds


@pytest.mark.parametrize(("header", "wait"), [("2.0", 2.0), ("0.1", 0.4), ("soon", 0.4)])
def test_the_longer_of_retry_after_and_the_own_wait_counts(header: str, wait: float) -> None:
    line = HttpLine(answer(429, retry_after=header), OK)

    line.send()

    assert line.clock.sleeps == [wait]
    assert answer(429).retry_after() is None


def test_a_retry_after_that_does_not_fit_ends_the_tries() -> None:
    """The answer goes to the caller with its hint, instead of a try that comes too early."""
    line = HttpLine(answer(429, retry_after="30"))

    assert line.send(seconds=20).retry_after() == 30
    assert line.clock.sleeps == []
