"""Credentials come from the environment, and are never shown. A broken set never reaches the wire."""

import pytest

from tests.fakes.clock import MovableClock
from token_broker.aws.fast_reads.credentials import Credentials, CredentialSource
from token_broker.aws.fast_reads.reads import Endpoint, FastReads

SECRET, TOKEN = "secret-canary-51c7", "token-canary-51c7"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)


def test_they_come_from_the_environment_at_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    source = CredentialSource()
    assert source.current() is None

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert source.current() == ("AKIA1", SECRET, "")

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIA2")
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    assert source.current() == ("ASIA2", SECRET, TOKEN)


def test_half_of_a_pair_is_left_to_botocore_which_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if there is a container endpoint, since botocore would not ask it either."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/creds")

    assert CredentialSource().current() is None


def test_they_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIA-canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    source = CredentialSource()
    found = source.current()

    for shown in (repr(found), str(found), f"{found}", repr([found]), repr(source)):
        assert "canary" not in shown


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("AKIA\r\nx-evil: 1", SECRET),
        Credentials("AKIA", f"{SECRET}\n"),
        Credentials("AKIA", SECRET, f"{TOKEN}\r\n\r\nGET / HTTP/1.1"),
        Credentials("AKIA", SECRET, "token\x00"),
        Credentials("AKIA", "clé"),
        Credentials("AK IA", SECRET),
    ],
)
def test_what_cannot_be_in_a_header_never_reaches_the_wire(
    monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    """A socket would fail the test. The reason names no value."""
    reasons: list[str] = []
    monkeypatch.setattr(CredentialSource, "current", lambda _: credentials)
    address = Endpoint("http", "127.0.0.1", 9, "127.0.0.1:9", "us-east-1")

    assert FastReads(address, reasons.append, MovableClock()).read("GetItem", {}) is None
    assert reasons == ["ValueError"]
