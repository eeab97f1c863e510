"""Fetching an issuer's keys over real sockets, from servers that misbehave: never for long, never elsewhere."""

import gzip
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofs import compact, fetching
from proofs.fetching import BODY_LIMIT, KeySetFetcher
from proofs.key_set import key_sets
from proofs.outcomes import KeysUnavailable
from proofs.signing_keys import signing_keys
from proofs.verification import Verifier
from tests.contract.certificates import self_signed, server_context, trusting
from tests.contract.scripted_server import Script, Seen, always, answer, serving
from tests.fakes.proofs import AUDIENCE, LOGIN, SESSION, by_issuer, jwk, jwks, rsa_key
from tests.fakes.secrets import MemorySecrets
from token_broker.clock import SystemClock
from token_broker.storefronts.trust_policy import ProofRule, Sessions

KEYS = jwks(jwk(rsa_key(), kid="key-1"))


def fetch(origin: str, path: str = "/jwks.json", **parts: Any) -> bytes:
    return KeySetFetcher(SystemClock(), loopback_origin=origin, **parts).fetch(f"{origin}{path}")


def failure(origin: str, **parts: Any) -> str:
    with pytest.raises(KeysUnavailable) as failed:
        fetch(origin, **parts)
    assert failed.value.__cause__ is None
    return failed.value.reason


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time limit of a fetch."""
    monkeypatch.setattr(fetching, "TIME_LIMIT", 0.6)


@contextmanager
def ending_in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started <= 1.2


# What is asked for, and what is taken


def test_keys_are_asked_for_plainly() -> None:
    with serving(always(answer(KEYS))) as server:
        assert fetch(server.origin, "/realms/a/keys?v=1") == KEYS
        (seen,) = server.seen

    assert (seen.method, seen.target, seen.body) == ("GET", "/realms/a/keys?v=1", b"")
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert "application/jwk-set+json" in seen.headers["accept"]
    assert not {"authorization", "cookie", "origin", "referer"} & set(seen.headers)


def test_a_proof_is_verified_with_fetched_keys_and_outlives_its_issuer() -> None:
    clock = SystemClock()
    with serving(always(answer(KEYS))) as server:
        rule = ProofRule(LOGIN, AUDIENCE, "sid", {}, f"{server.origin}/jwks.json")
        fetcher = KeySetFetcher(clock, loopback_origin=server.origin)
        verifier = Verifier(signing_keys(MemorySecrets(), clock), key_sets(fetcher.fetch, clock), clock)
        text = compact.read(by_issuer(now=clock.now()))
        assert verifier.verify(text, "acme", Sessions((rule,), ())).session_id == SESSION

    assert verifier.verify(text, "acme", Sessions((rule,), ())).session_id == SESSION
    assert len(server.seen) == 1


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"the proxy's"))) as proxy, serving(always(answer(KEYS))) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        assert fetch(server.origin) == KEYS
        assert proxy.connections == 0


def test_no_connection_is_kept() -> None:
    with serving(always(answer(KEYS))) as server:
        for _ in range(2):
            fetch(server.origin)
        assert server.connections == 2
        assert {seen.headers["connection"] for seen in server.seen} == {"close"}


# Answers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(always(answer(KEYS))) as other:
        elsewhere = answer(KEYS, status=status, headers={"Location": f"{other.origin}/jwks.json"})
        with serving(always(elsewhere)) as server:
            assert failure(server.origin) == "jwks_wrong_status"
            assert len(server.seen) == 1
        assert other.connections == 0


@pytest.mark.parametrize("status", [204, 206, 304, 404, 429, 500, 503])
def test_another_status_is_a_failure_and_asked_once(status: int) -> None:
    with serving(always(answer(b"" if status in {204, 304} else KEYS, status=status))) as server:
        assert failure(server.origin) == "jwks_wrong_status"
        assert len(server.seen) == 1


def test_64_kilobytes_are_taken_and_no_more() -> None:
    with serving(always(answer(b"x" * BODY_LIMIT))) as server:
        assert len(fetch(server.origin)) == BODY_LIMIT
    with serving(always(answer(b"x" * (BODY_LIMIT + 1)))) as server:
        assert failure(server.origin) == "jwks_too_large"


def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    def endless(_seen: Seen, connection: socket.socket) -> bool:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)
            sent += 65536

    with serving(endless) as server, ending_in_time():
        assert failure(server.origin) == "jwks_too_large"
    assert sent < 32 * 1024 * 1024  # what the sockets' buffers hold, and not what 3 s could bring


def test_a_small_answer_that_unpacks_to_a_huge_one_is_refused() -> None:
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < BODY_LIMIT

    with serving(always(answer(packed, headers={"Content-Encoding": "gzip"}))) as server, ending_in_time():
        assert failure(server.origin) == "jwks_too_large"


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b'{"keys": {}}', b'{"keys": [], "keys": []}', b"\xff\xfe", KEYS[:-1]]
)
def test_an_answer_that_is_no_key_set_is_no_key(body: bytes) -> None:
    with serving(always(answer(body))) as server:
        cache = key_sets(KeySetFetcher(SystemClock(), loopback_origin=server.origin).fetch, SystemClock())
        with pytest.raises(KeysUnavailable) as failed:
            cache.current(f"{server.origin}/keys")

    assert failed.value.reason == "jwks_malformed"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_a_failure(octets: bytes) -> None:
    with serving(always(octets, keep=False)) as server:
        assert failure(server.origin) == "jwks_interrupted"
        assert len(server.seen) == 1


# Time


def dripping(octets: bytes) -> Script:
    """Return a script that sends one byte at a time for several seconds."""

    def script(_seen: Seen, connection: socket.socket) -> bool:
        for octet in octets:
            connection.sendall(bytes([octet]))
            time.sleep(0.02)
        return False

    return script


@pytest.mark.parametrize(
    "octets",
    [answer(KEYS), answer(KEYS, headers={"Connection": "close"}), b"HTTP/1.1 200 OK\r\n\r\n" + KEYS],
    ids=["kept", "closed", "without a length"],
)
@pytest.mark.usefixtures("short")
def test_a_dripping_answer_ends_in_time(octets: bytes) -> None:
    with serving(dripping(octets)) as server, ending_in_time():
        assert failure(server.origin) == "jwks_timed_out"


@pytest.mark.usefixtures("short")
def test_an_answer_that_never_comes_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ending_in_time():
        assert failure(f"http://127.0.0.1:{listener.getsockname()[1]}") == "jwks_timed_out"


@pytest.mark.usefixtures("short")
def test_a_connection_that_never_stands_ends_in_time() -> None:
    """A listener whose queue is full drops what comes: to the caller it is a host that does not answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            with ending_in_time():
                assert failure(f"http://127.0.0.1:{address[1]}") == "jwks_unreachable"
        finally:
            for each in waiting:
                each.close()


@pytest.mark.usefixtures("short")
def test_a_tls_handshake_that_never_ends_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ending_in_time():
        assert failure(f"https://127.0.0.1:{listener.getsockname()[1]}") == "jwks_unreachable"


def test_a_first_address_that_refuses_leaves_the_second() -> None:
    with serving(always(answer(KEYS))) as server:
        assert fetch(server.origin, look_up=lambda *_: ["127.0.0.2", "127.0.0.1"]) == KEYS


def test_a_refused_port_is_a_failure_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with ending_in_time():
        assert failure(f"http://127.0.0.1:{port}") == "jwks_unreachable"


# Names, addresses and TLS


def test_a_name_is_looked_up_once_and_the_connection_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to loopback when it is looked at, and elsewhere a moment later (DNS rebinding)."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return resolve("127.0.0.1" if asked.count("localhost") == 1 else "127.0.0.99", *rest, **more)

    with serving(always(answer(KEYS))) as server:
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        assert fetch(f"http://localhost:{server.port}") == KEYS
        assert server.seen[0].headers["host"] == f"localhost:{server.port}"

    assert asked.count("localhost") == 1


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:{port}/jwks.json",
        "https://127.0.0.1:{port}/jwks.json",
        "http://localhost:{port}/jwks.json",
        "https://issuer.localhost/jwks.json",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_without_the_setting_nothing_on_this_machine_is_reached(uri: str) -> None:
    with serving(always(answer(KEYS))) as server:
        with pytest.raises(KeysUnavailable) as failed:
            KeySetFetcher(SystemClock()).fetch(uri.format(port=server.port))
        assert server.connections == 0

    assert failed.value.reason == "jwks_address_refused"


def test_the_certificate_must_be_the_names_and_the_name_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)
    asked: list[str | None] = []
    context = server_context(certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    with serving(always(answer(KEYS)), tls=context) as server:
        assert fetch(f"https://localhost:{server.port}") == KEYS

    assert asked == ["localhost"]


def refused(server_certificate: Path, host: str) -> None:
    with serving(always(answer(KEYS)), tls=server_context(server_certificate)) as server:
        assert failure(f"https://{host}:{server.port}") == "jwks_unreachable"
        assert server.seen == []


def test_a_certificate_for_the_address_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, address="127.0.0.1")
    trusting(certificate, monkeypatch)

    refused(certificate, "localhost")


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="login.example")
    trusting(certificate, monkeypatch)

    refused(certificate, "localhost")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    refused(self_signed(tmp_path, host="localhost"), "localhost")


@pytest.mark.usefixtures("short")
def test_a_dripping_answer_over_tls_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)

    with serving(dripping(answer(KEYS)), tls=server_context(certificate)) as server, ending_in_time():
        assert failure(f"https://localhost:{server.port}") == "jwks_timed_out"


def test_a_huge_answer_over_tls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)

    with serving(always(answer(b"x" * (BODY_LIMIT + 1))), tls=server_context(certificate)) as server:
        assert failure(f"https://localhost:{server.port}") == "jwks_too_large"


def test_old_tls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)
    context = server_context(certificate)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with serving(always(answer(KEYS)), tls=context) as server:
        assert failure(f"https://localhost:{server.port}") == "jwks_unreachable"
        assert server.seen == []
