"""TLS as our client speaks it: only to whom a trusted authority vouches for, and never for longer than it has."""

import socket
import time
from pathlib import Path

import pytest

from tests.contract.certificates import self_signed, server_context, trusting
from tests.contract.scripted_server import always, answer, serving
from token_broker.clock import Deadline, SystemClock
from token_broker.errors import ProviderUnavailable, RequestOutcome
from token_broker.http.client import HttpClient, Request
from token_broker.http.transport import RequestsTransport


def send(url: str, *, method: str = "POST", seconds: float = 3.0) -> int:
    client = HttpClient(SystemClock(), RequestsTransport(), jitter=lambda: 0.0)
    return client.send(Request(method, url, {"x-api-key": "k"}, b"{}"), Deadline.after(SystemClock(), seconds)).status


def refused(certificate: Path) -> None:
    """Nothing was sent: the secret stays with us, and the fate is certain."""
    with serving(always(answer()), tls=server_context(certificate)) as server:
        with pytest.raises(ProviderUnavailable) as failed:
            send(server.origin)
        assert server.seen == []
    assert failed.value.request_outcome is RequestOutcome.NOT_APPLIED


def test_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    refused(self_signed(tmp_path))


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_cannot_make_it_trusted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv(name, str(certificate))

    refused(certificate)


def test_a_trusted_certificate_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    trusting(certificate, monkeypatch)

    with serving(always(answer()), tls=server_context(certificate)) as server:
        assert send(server.origin) == 200


def test_a_trusted_certificate_for_another_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, address="192.0.2.1")
    trusting(certificate, monkeypatch)

    refused(certificate)


def test_a_trusted_certificate_that_has_expired_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, days=-5)
    trusting(certificate, monkeypatch)

    refused(certificate)


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with serving(always(answer())) as server:
        with pytest.raises(ProviderUnavailable) as failed:
            send(server.origin.replace("http:", "https:"))
        assert "POST" not in [seen.method for seen in server.seen]  # of a handshake it may read anything

    assert failed.value.request_outcome is RequestOutcome.NOT_APPLIED


def test_a_handshake_that_hangs_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable) as failed:
            send(f"https://127.0.0.1:{listener.getsockname()[1]}", seconds=0.6)
        took = time.monotonic() - started

    assert failed.value.request_outcome is RequestOutcome.NOT_APPLIED
    assert 0.1 <= took <= 1.15


def test_a_dripping_answer_over_tls_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    trusting(certificate, monkeypatch)

    def drip(_seen: object, connection: socket.socket) -> bool:
        for octet in answer(b"x" * 100):
            connection.sendall(bytes([octet]))
            time.sleep(0.05)
        return False

    with serving(drip, tls=server_context(certificate)) as server:
        started = time.monotonic()
        with pytest.raises(ProviderUnavailable) as failed:
            send(server.origin, seconds=0.6)
        took = time.monotonic() - started

    assert failed.value.request_outcome is RequestOutcome.IN_FLIGHT
    assert 0.4 <= took <= 1.15
