"""Fetching an issuer's keys over real sockets, from servers that misbehave: never for long, never elsewhere."""

import gzip
import socket
import warnings
from pathlib import Path
from ssl import SSLContext, TLSVersion
from typing import Any

import pytest

from proofs import compact, fetching
from proofs.fetching import BODY_LIMIT, KeySetFetcher
from proofs.key_set import key_sets
from proofs.outcomes import KeysUnavailable
from proofs.signing_keys import signing_keys
from proofs.verification import Verifier
from tests.contract.certificates import self_signed, server_context, trusting
from tests.contract.scripted_server import Seen, always, answer, dripping, serving, taking
from tests.fakes.proofs import AUDIENCE, LOGIN, SESSION, by_issuer, jwk, jwks, rsa_key
from tests.fakes.secrets import MemorySecrets
from token_broker.clock import SystemClock
from token_broker.storefronts.trust_policy import ProofRule, Sessions

KEYS = jwks(jwk(rsa_key(), kid="key-1"))
MEBIBYTE = 1024 * 1024


def fetch(origin: str, path: str = "/jwks.json", **parts: Any) -> bytes:
    return KeySetFetcher(SystemClock(), loopback_origin=origin, **parts).fetch(f"{origin}{path}")


def failure(origin: str, **parts: Any) -> str:
    with pytest.raises(KeysUnavailable) as failed:
        fetch(origin, **parts)
    assert failed.value.__cause__ is None
    return failed.value.reason


def test_keys_are_asked_for_plainly_and_no_connection_is_kept() -> None:
    with serving(always(answer(KEYS))) as server:
        for _ in range(2):
            assert fetch(server.origin, "/realms/a/keys?v=1") == KEYS
        assert server.connections == 2
        seen = server.seen[0]

    assert (seen.method, seen.target, seen.body) == ("GET", "/realms/a/keys?v=1", b"")
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert "application/jwk-set+json" in seen.headers["accept"]
    assert seen.headers["connection"] == "close"
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


@pytest.mark.parametrize("status", [301, 307, 204, 206, 304, 404, 429, 500, 503])
def test_another_status_is_a_failure_and_requested_once(status: int) -> None:
    """A redirect is not followed."""
    with serving(always(answer(KEYS))) as other:
        headers = {"Location": f"{other.origin}/jwks.json"}
        said = answer(b"" if status in {204, 304} else KEYS, status=status, headers=headers)
        with serving(always(said)) as server:
            assert failure(server.origin) == "jwks_wrong_status"
            assert len(server.seen) == 1
        assert other.connections == 0


def test_64_kilobytes_are_taken_and_no_more() -> None:
    with serving(always(answer(b"x" * BODY_LIMIT))) as server:
        assert len(fetch(server.origin)) == BODY_LIMIT
    with serving(always(answer(b"x" * (BODY_LIMIT + 1)))) as server:
        assert failure(server.origin) == "jwks_too_large"


def test_what_exceeds_the_limit_is_not_read() -> None:
    sent = [0]

    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(64):
            connection.sendall(b"x" * MEBIBYTE)
            sent[0] += MEBIBYTE
        return False

    with serving(script) as server:
        assert failure(server.origin) == "jwks_too_large"

    assert sent[0] < 32 * MEBIBYTE  # the rest of what was under way fits into the sockets' buffers


@pytest.mark.parametrize("at_once", [0, len(answer(KEYS)) - 200], ids=["headers", "body"])
def test_a_dripping_answer_ends_in_time(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT", 0.6)
    octets = answer(KEYS)
    drip = dripping(octets[at_once:], 0.02, at_once=octets[:at_once])

    with serving(drip) as server, taking(0.0, 1.2):
        assert failure(server.origin) == "jwks_timed_out"


def test_a_body_without_an_end_or_a_length_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT", 0.5)

    at_once = b"HTTP/1.1 200 OK\r\n\r\n" + KEYS

    with serving(dripping(b" " * 1000, 0.02, at_once=at_once)) as server, taking(0.3, 1.15):
        assert failure(server.origin) == "jwks_timed_out"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"THIS IS NOT HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        answer(KEYS)[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        answer(b"hello", headers={"Content-Encoding": "gzip"}),
        answer(gzip.compress(KEYS)[:-1], headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda octets: ascii(octets[:40]),
)
def test_an_answer_that_is_cut_off_or_none_is_a_failure(octets: bytes) -> None:
    with serving(always(octets, keep=False)) as server:
        assert failure(server.origin) == "jwks_interrupted"
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "octets",
    [
        answer(gzip.compress(KEYS), headers={"Content-Encoding": "gzip"}),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(KEYS) - 1, KEYS[1:]),
    ],
    ids=["packed", "chunked"],
)
def test_a_body_is_put_together(octets: bytes) -> None:
    with serving(always(octets)) as server:
        assert fetch(server.origin) == KEYS


def test_the_limit_counts_unpacked_bytes() -> None:
    packed = gzip.compress(b"x" * 1000 * BODY_LIMIT)
    with serving(always(answer(packed[:BODY_LIMIT], headers={"Content-Encoding": "gzip"}))) as server:
        assert failure(server.origin) == "jwks_too_large"


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"", status=502))) as proxy, serving(always(answer(KEYS))) as server:
        for name in ("http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        assert fetch(server.origin) == KEYS
        assert proxy.connections == 0


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


def test_the_certificate_must_be_the_names_and_the_name_is_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)
    named: list[str | None] = []
    context = server_context(certificate)
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    with serving(always(answer(KEYS)), tls=context) as server:
        assert fetch(f"https://localhost:{server.port}") == KEYS

    assert named == ["localhost"]


@pytest.mark.parametrize("wrong", [{"address": "127.0.0.1"}, {"host": "login.example"}])
def test_a_trusted_certificate_for_the_address_or_another_name_is_refused(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, **wrong)
    trusting(certificate, monkeypatch)

    with serving(always(answer(KEYS)), tls=server_context(certificate)) as server:
        assert failure(f"https://localhost:{server.port}") == "jwks_unreachable"
        assert server.seen == []


def refused(context: SSLContext) -> None:
    """Nothing is asked of a server that the connection does not trust."""
    with serving(always(answer(KEYS)), tls=context) as server:
        assert failure(f"https://localhost:{server.port}") == "jwks_unreachable"
        assert server.seen == []


@pytest.mark.parametrize("name", ["NOTHING", "SSL_CERT_FILE"])
def test_a_self_signed_certificate_is_refused_also_if_the_environment_names_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    monkeypatch.setenv(name, str(certificate))

    refused(server_context(certificate))


def test_old_tls_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path, host="localhost")
    trusting(certificate, monkeypatch)
    context = server_context(certificate)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version, context.maximum_version = TLSVersion.TLSv1, TLSVersion.TLSv1_1

    refused(context)


def test_a_handshake_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIME_LIMIT", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as listener, taking(0.1, 1.15):
        assert failure(f"https://127.0.0.1:{listener.getsockname()[1]}") == "jwks_unreachable"


def test_a_port_that_nobody_serves_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    assert failure(origin) == "jwks_unreachable"
