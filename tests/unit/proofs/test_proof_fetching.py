"""Fetching keys: from where, with what, and what is made of each answer."""

import pytest

from proofs.fetching import BODY_LIMIT, TIME_LIMIT, KeySetFetcher
from proofs.outcomes import KeysUnavailable
from tests.fakes.clock import MovableClock
from tests.fakes.transport import ScriptedTransport, Step, answer
from token_broker.http.client import Interrupted, TimedOut, TooLarge, Unreachable

URI = "https://login.example/.well-known/jwks.json?v=1"
PUBLIC = "8.8.8.8"
LOOPBACK = "http://127.0.0.1:8123"


class Fetched:
    """One fetch, with what was looked up and whom TLS would ask for."""

    def __init__(self, *steps: Step, found: list[str] | OSError, loopback: str = "", slow: float = 0.0) -> None:
        self.clock = MovableClock()
        self.transport = ScriptedTransport(*steps)
        self.looked_up: list[tuple[str, int, float]] = []
        self.server_names: list[str] = []
        self._found, self._slow = found, slow
        self.fetch = KeySetFetcher(
            self.clock, loopback_origin=loopback, look_up=self._look_up, make_transport=self._make_transport
        ).fetch

    def _look_up(self, host: str, port: int, seconds: float) -> list[str]:
        self.looked_up.append((host, port, seconds))
        self.clock.advance(self._slow)
        if isinstance(self._found, OSError):
            raise self._found
        return self._found

    def _make_transport(self, server_name: str) -> ScriptedTransport:
        self.server_names.append(server_name)
        return self.transport

    def failure(self, uri: str = URI) -> str:
        with pytest.raises(KeysUnavailable) as failed:
            self.fetch(uri)
        assert failed.value.__cause__ is None
        return failed.value.reason


def test_the_connection_goes_to_the_address_that_was_looked_at_and_tls_to_the_name() -> None:
    fetched = Fetched(answer(200, b"{}"), found=[PUBLIC])

    assert fetched.fetch(URI) == b"{}"
    assert fetched.looked_up == [("login.example", 443, TIME_LIMIT)]
    assert fetched.server_names == ["login.example"]
    (request,) = fetched.transport.requests
    assert (request.method, request.url, request.body) == ("GET", "https://8.8.8.8:443/.well-known/jwks.json?v=1", None)
    assert request.headers["Host"] == "login.example"


def test_an_ipv6_address_is_written_as_urls_want_it() -> None:
    fetched = Fetched(answer(200, b"{}"), found=["2606:4700::1"])
    fetched.fetch("https://login.example:443/keys")

    assert fetched.transport.requests[0].url == "https://[2606:4700::1]:443/keys"
    assert fetched.transport.requests[0].headers["Host"] == "login.example:443"


@pytest.mark.parametrize(
    "uri",
    ["http://login.example/keys", "https://169.254.169.254/latest/meta-data/", "http://127.0.0.1:8124/keys"],
)
def test_an_address_that_no_policy_could_have_is_not_even_looked_up(uri: str) -> None:
    """The policy was checked when it was written; who knows by which version, and who wrote to the table since.

    Which addresses those are is in tests/unit/storefronts/test_addresses.py.
    """
    fetched = Fetched(found=[PUBLIC], loopback=LOOPBACK)

    assert fetched.failure(uri) == "jwks_address_refused"
    assert fetched.looked_up == []


@pytest.mark.parametrize(
    "found",
    [["127.0.0.1"], ["169.254.169.254"], ["::ffff:10.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], []],
)
def test_a_name_that_leads_within_is_refused_with_all_its_addresses(found: list[str]) -> None:
    assert Fetched(found=found).failure() == "jwks_address_refused"


# The loopback origin of the stack's setting


@pytest.mark.parametrize("found", [["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"]])
def test_the_loopback_origin_is_reached_on_loopback(found: list[str]) -> None:
    fetched = Fetched(answer(200, b"{}"), found=found, loopback="http://localhost:8123")

    assert fetched.fetch("http://localhost:8123/a/jwks.json") == b"{}"
    assert fetched.looked_up == [("localhost", 8123, TIME_LIMIT)]


def test_the_loopback_origin_is_nowhere_else() -> None:
    fetched = Fetched(found=[PUBLIC], loopback="http://localhost:8123")

    assert fetched.failure("http://localhost:8123/jwks.json") == "jwks_address_refused"


def test_beside_the_loopback_origin_public_addresses_stay_the_rule() -> None:
    assert Fetched(answer(200, b"{}"), found=[PUBLIC], loopback=LOOPBACK).fetch(URI) == b"{}"
    assert Fetched(found=["127.0.0.1"], loopback=LOOPBACK).failure() == "jwks_address_refused"


# Answers and time


@pytest.mark.parametrize("status", [201, 204, 206, 301, 302, 303, 307, 308, 304, 401, 404, 429, 500, 503])
def test_any_status_but_200_is_a_failure(status: int) -> None:
    fetched = Fetched(answer(status, b'{"keys": []}', location="https://evil.example/"), found=[PUBLIC])

    assert fetched.failure() == "jwks_wrong_status"
    assert len(fetched.transport.sent) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (TimedOut("late"), "jwks_timed_out"),
        (Interrupted("broken"), "jwks_interrupted"),
        (TooLarge("huge"), "jwks_too_large"),
    ],
)
def test_a_failure_once_something_was_sent_is_the_end_of_it(failure: Step, reason: str) -> None:
    fetched = Fetched(failure, found=[PUBLIC, "8.8.4.4"])

    assert fetched.failure() == reason
    assert len(fetched.transport.sent) == 1


def test_a_second_address_is_tried_and_no_third() -> None:
    fetched = Fetched(*[Unreachable("no")] * 3, found=[PUBLIC, "8.8.4.4", "1.1.1.1"])

    assert fetched.failure() == "jwks_unreachable"
    assert [request.url.split("/")[2] for request in fetched.transport.requests] == ["8.8.8.8:443", "8.8.4.4:443"]
    assert len(fetched.looked_up) == 1, "whatever the name would say next"


def test_a_look_up_that_fails_is_told_from_one_that_takes_too_long() -> None:
    assert Fetched(found=OSError("no such name")).failure() == "jwks_name_not_found"
    assert Fetched(found=TimeoutError()).failure() == "jwks_timed_out"


@pytest.mark.parametrize("slow", [0.0, 1.0, 2.5])
def test_each_exchange_has_what_is_left_of_three_seconds(slow: float) -> None:
    fetched = Fetched(answer(200, b"{}"), found=[PUBLIC], slow=slow)
    fetched.fetch(URI)

    (sent,) = fetched.transport.sent
    assert sent.connect_timeout + sent.read_timeout == pytest.approx(TIME_LIMIT - slow)
    assert 0 < sent.connect_timeout <= 1.0
    assert sent.body_limit == BODY_LIMIT == 64 * 1024


def test_nothing_is_sent_once_the_time_is_over() -> None:
    fetched = Fetched(found=[PUBLIC], slow=TIME_LIMIT)

    assert fetched.failure() == "jwks_unreachable"
    assert fetched.transport.sent == []
