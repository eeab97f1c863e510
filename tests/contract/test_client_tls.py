"""TLS as our client speaks it: only to whom a trusted authority vouches for, and never for longer than it has."""

import socket
import warnings
from pathlib import Path
from ssl import SSLContext, TLSVersion
from typing import Any

import pytest

from tests.contract.certificates import self_signed, server_context, trusting
from tests.contract.scripted_server import always, answer, dripping, serving, taking
from token_broker.clock import Deadline, SystemClock
from token_broker.errors import ProviderUnavailable, RequestOutcome
from token_broker.http.client import HttpClient, Request
from token_broker.http.transport import RequestsTransport


def send(url: str, seconds: float = 3.0) -> int:
    client = HttpClient(SystemClock(), RequestsTransport(), jitter=lambda: 0.0)
    return client.send(Request("POST", url, {"x-api-key": "k"}, b"{}"), Deadline.after(SystemClock(), seconds)).status


def failure(url: str, seconds: float = 3.0) -> RequestOutcome:
    with pytest.raises(ProviderUnavailable) as failed:
        send(url, seconds)
    return failed.value.request_outcome


def refused(context: SSLContext) -> None:
    """Nothing was sent: the secret stays with us, and the outcome is certain."""
    with serving(always(answer()), tls=context) as server:
        assert failure(server.origin) is RequestOutcome.NOT_APPLIED
        assert server.seen == []


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SSLContext:
    """Return the context of a server with a certificate that our client trusts."""
    certificate = self_signed(tmp_path)
    trusting(certificate, monkeypatch)
    return server_context(certificate)


def test_a_trusted_certificate_is_accepted(trusted: SSLContext) -> None:
    with serving(always(answer()), tls=trusted) as server:
        assert send(server.origin) == 200


@pytest.mark.parametrize("name", ["NOTHING", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_self_signed_certificate_is_refused_also_if_the_environment_names_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv(name, str(certificate))

    refused(server_context(certificate))


@pytest.mark.parametrize("wrong", [{"address": "192.0.2.1"}, {"days": -5}])
def test_a_trusted_certificate_for_another_address_or_that_has_expired_is_refused(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, **wrong)
    trusting(certificate, monkeypatch)

    refused(server_context(certificate))


def test_old_tls_is_refused(trusted: SSLContext) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        trusted.minimum_version, trusted.maximum_version = TLSVersion.TLSv1, TLSVersion.TLSv1_1

    refused(trusted)


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    with serving(always(answer())) as server:
        assert failure(server.origin.replace("http:", "https:")) is RequestOutcome.NOT_APPLIED
        assert "POST" not in [seen.method for seen in server.seen]  # of a handshake it may read anything


def test_a_handshake_that_hangs_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, taking(0.1, 1.15):
        assert failure(f"https://127.0.0.1:{listener.getsockname()[1]}", 0.6) is RequestOutcome.NOT_APPLIED


def test_a_dripping_answer_over_tls_ends_in_time(trusted: SSLContext) -> None:
    with serving(dripping(answer(b"x" * 100), 0.05), tls=trusted) as server, taking(0.4, 1.15):
        assert failure(server.origin, 0.6) is RequestOutcome.IN_FLIGHT
