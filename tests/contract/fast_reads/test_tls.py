"""TLS with Amazon's roots alone. Where it fails, nothing was sent, and botocore reads with its own trust."""

import os
import socket
import ssl
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.contract.certificates import self_signed, server_context
from tests.contract.fast_reads.reading import BOTOCORE, FAST, Reader, reset, respond
from tests.contract.scripted_server import Seen, always, dripping, serving, taking
from token_broker.aws.fast_reads import reads

NOT_VERIFIED = "SSLCertVerificationError"
LIMIT = 0.3
#: TLS's record of a fatal alert.
ALERT = b"\x15\x03\x03\x00\x02\x02\x50"
#: Seconds until a test gives up.
PATIENCE = 20


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return the context of a server whose certificate has the one trusted root."""
    certificate = self_signed(tmp_path)
    monkeypatch.setattr(reads, "ROOTS", certificate)
    return server_context(certificate)


def refused(context: ssl.SSLContext, *reasons: str) -> None:
    with serving(always(respond()), tls=context) as server:
        reader = Reader(server.origin)
        assert reader.read() == BOTOCORE
        assert reader.reasons[0] in reasons
        assert server.seen == []


def test_reads_use_one_connection_and_name_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    monkeypatch.setattr(reads, "ROOTS", certificate)
    context, named = server_context(certificate), list[str | None]()
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    with serving(always(respond()), tls=context) as server:
        reader = Reader(f"https://localhost:{server.port}")
        reader.fast.connect()
        assert [reader.read() for _ in range(3)] == [FAST] * 3

        assert (reader.reasons, server.connections, named) == ([], 1, ["localhost"])
        assert server.seen[0].headers["host"] == f"localhost:{server.port}"


@pytest.mark.parametrize("end", ["politely", "by an alert", "by RST"])
def test_a_connection_that_has_ended_while_it_was_idle_is_replaced(trusted: ssl.SSLContext, end: str) -> None:
    read, ended = threading.Event(), threading.Event()

    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(respond())
        if seen.connection > 1:
            return True
        assert read.wait(PATIENCE)
        if end == "politely" and isinstance(connection, ssl.SSLSocket):
            connection.settimeout(0)
            with suppress(OSError):
                connection.unwrap()  # it tells the reader, and does not wait for an answer
        elif end == "by an alert":
            os.write(connection.fileno(), ALERT)
        else:
            reset(connection)
        ended.set()
        return False

    with serving(script, tls=trusted) as server:
        reader = Reader(server.origin)
        assert reader.read() == FAST
        read.set()
        assert ended.wait(PATIENCE)
        assert reader.read() == FAST

        assert (reader.reasons, reader.left, server.connections) == ([], [], 2)


@pytest.mark.parametrize(
    "wrong", [{"address": "192.0.2.1"}, {"host": "dynamodb.us-east-1.amazonaws.com"}, {"days": -5}]
)
def test_a_certificate_for_another_name_or_that_has_expired_is_refused(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, **wrong)
    monkeypatch.setattr(reads, "ROOTS", certificate)

    refused(server_context(certificate), NOT_VERIFIED)


def test_another_root_is_refused(trusted: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    refused(server_context(self_signed(tmp_path / "other")), NOT_VERIFIED)


def test_old_tls_is_refused(trusted: ssl.SSLContext) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        trusted.minimum_version, trusted.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    refused(trusted, "SSLError", "ConnectionResetError")


@pytest.mark.usefixtures("trusted")
def test_a_server_without_tls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "TIME_LIMIT", LIMIT)

    with serving(always(respond())) as server:
        reader = Reader(server.origin.replace("http:", "https:"))

        assert reader.read() == BOTOCORE
        assert len(reader.reasons) == 1


@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_without_usable_roots_botocore_reads(
    trusted: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    roots = tmp_path / "roots.pem"
    if content is not None:
        roots.write_text(content)
    monkeypatch.setattr(reads, "ROOTS", roots)

    refused(trusted, "FileNotFoundError" if content is None else "SSLError")


@pytest.mark.usefixtures("trusted")
def test_a_handshake_that_hangs_ends_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "TIME_LIMIT", LIMIT)

    with socket.create_server(("127.0.0.1", 0)) as listener, taking(LIMIT * 0.9, LIMIT * 10):
        reader = Reader(f"https://127.0.0.1:{listener.getsockname()[1]}")
        assert (reader.read(), reader.reasons) == (BOTOCORE, ["TimeoutError"])


def test_a_slow_response_ends_with_the_limit(trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "TIME_LIMIT", LIMIT)

    with serving(dripping(respond(), LIMIT / 4), tls=trusted) as server, taking(LIMIT * 0.9, LIMIT * 10):
        reader = Reader(server.origin)
        assert (reader.read(), reader.reasons) == (BOTOCORE, ["TimeoutError"])
