"""Our HTTP client never hangs, repeats an unsafe request or reads a huge body when a provider misbehaves."""

import gzip
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.scripted_server import Seen, always, answer, dripping, serving, taking
from token_broker.clock import Deadline, SystemClock
from token_broker.errors import ProviderError, ProviderUnavailable, RequestOutcome
from token_broker.http import client as http
from token_broker.http import transport
from token_broker.http.client import HttpClient, HttpResponse, Request
from token_broker.http.transport import RequestsTransport

KEY = "the-secret-api-key"
HEADERS = {"x-api-key": KEY, "Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024

pytestmark = pytest.mark.usefixtures("certificates_read_once")


@pytest.fixture
def client() -> HttpClient:
    return HttpClient(SystemClock(), RequestsTransport(), jitter=lambda: 0.1)


def send(client: HttpClient, request: Request, seconds: float = 5.0) -> HttpResponse:
    return client.send(request, Deadline.after(SystemClock(), seconds))


def get(url: str) -> Request:
    return Request("GET", url)


def post(url: str) -> Request:
    return Request("POST", url, HEADERS, b'{"sessionId": "s"}')


def failure(client: HttpClient, request: Request, seconds: float = 5.0) -> ProviderUnavailable:
    with pytest.raises(ProviderUnavailable) as failed:
        send(client, request, seconds)
    error = failed.value
    assert error.__cause__ is None
    assert KEY not in f"{error.detail}{error!r}"
    assert "127.0.0.1" not in error.detail
    return error


# Connections that come to nothing


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_refused_port_certainly_did_nothing(client: HttpClient, method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

    assert failure(client, Request(method, url)).request_outcome is RequestOutcome.NOT_APPLIED


def test_a_name_that_does_not_resolve_certainly_did_nothing(client: HttpClient) -> None:
    assert failure(client, post("http://no-such-host.invalid/")).request_outcome is RequestOutcome.NOT_APPLIED


def test_a_connection_that_never_stands_certainly_did_nothing_and_ends_in_time(client: HttpClient) -> None:
    """A listener whose queue is full drops what comes: to the caller it is a host that does not answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            with taking(0.0, 1.5):
                failed = failure(client, post(f"http://127.0.0.1:{address[1]}"), 0.6)
        finally:
            for each in waiting:
                each.close()
    assert failed.request_outcome is RequestOutcome.NOT_APPLIED


# Answers that do not come to an end


def hanging(_seen: Seen, connection: socket.socket) -> bool:
    """Answer nothing until the client closes the connection."""
    return bool(connection.recv(1))


@pytest.mark.parametrize(("read_timeout", "seconds"), [(60.0, 0.5), (0.3, 10)])
def test_a_hanging_answer_ends_at_the_deadline_or_the_read_timeout(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, read_timeout: float, seconds: float
) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT", read_timeout)

    with serving(hanging) as server, taking(0.25, 1.5):
        assert failure(client, post(server.origin), seconds).request_outcome is RequestOutcome.IN_FLIGHT


@pytest.mark.parametrize("at_once", [0, 70], ids=["headers", "body"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_byte_every_tenth_of_a_second_ends_at_the_deadline(client: HttpClient, at_once: int, kept: bool) -> None:
    octets = answer(b"x" * 100)
    drip = dripping(octets[at_once:], 0.1, at_once=octets[:at_once])

    def script(seen: Seen, connection: socket.socket) -> bool:
        return (always(octets) if seen.method == "GET" else drip)(seen, connection)

    with serving(script) as server:
        if kept:
            send(client, get(server.origin))
        with taking(0.45, 1.1):
            assert failure(client, post(server.origin), 0.6).request_outcome is RequestOutcome.IN_FLIGHT


def test_a_body_without_an_end_or_a_length_is_no_answer(client: HttpClient) -> None:
    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"token": "half')
        time.sleep(0.9)
        return False

    with serving(script) as server, taking(0.3, 1.15):
        assert failure(client, post(server.origin), 0.5).request_outcome is RequestOutcome.IN_FLIGHT


# Answers that are none


@pytest.mark.parametrize(
    "octets",
    [
        b"THIS IS NOT HTTP\r\n\r\n",
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    ],
    ids=lambda octets: ascii(octets[:40]),
)
def test_a_post_without_a_whole_answer_is_sent_once_and_its_outcome_unknown(client: HttpClient, octets: bytes) -> None:
    with serving(always(octets, keep=False)) as server:
        assert failure(client, post(server.origin)).request_outcome is RequestOutcome.UNKNOWN
        assert len(server.seen) == 1


def test_a_reset_connection_is_no_answer_either(client: HttpClient) -> None:
    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    with serving(script) as server:
        assert failure(client, post(server.origin)).request_outcome is RequestOutcome.UNKNOWN
        assert len(server.seen) == 1


# Answers that are too much


def too_large(client: HttpClient, request: Request) -> None:
    with pytest.raises(ProviderError) as failed:
        send(client, request)
    assert failed.value.request_outcome is RequestOutcome.UNKNOWN
    assert "larger" in failed.value.detail


def test_a_body_at_the_limit_is_read(client: HttpClient) -> None:
    with serving(always(answer(b"x" * http.BODY_LIMIT))) as server:
        assert len(send(client, get(server.origin)).body) == http.BODY_LIMIT

    with serving(always(answer(b"x" * (http.BODY_LIMIT + 1)))) as server:
        too_large(client, get(server.origin))


def test_the_limit_counts_unpacked_bytes(client: HttpClient) -> None:
    packed = gzip.compress(b"\x00" * 64 * MEBIBYTE, 9)
    assert len(packed) < MEBIBYTE // 4

    with serving(always(answer(packed, headers={"Content-Encoding": "gzip"}))) as server:
        too_large(client, get(server.origin))


@pytest.mark.parametrize(
    "octets",
    [
        answer(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"}),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n',
    ],
    ids=["packed", "chunked"],
)
def test_a_small_body_is_put_together(client: HttpClient, octets: bytes) -> None:
    with serving(always(octets)) as server:
        assert [send(client, get(server.origin)).json() for _ in range(2)] == [{"a": 1}] * 2
        assert server.connections == 1


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_an_answer_and_not_followed(client: HttpClient, method: str, status: int) -> None:
    with serving(always(answer())) as elsewhere:
        moved = answer(b"", status=status, headers={"Location": f"{elsewhere.origin}/redirected"})
        with serving(always(moved)) as server:
            got = send(client, Request(method, server.origin, HEADERS))

            assert (got.status, len(server.seen)) == (status, 1)
        assert elsewhere.connections == 0


@pytest.mark.parametrize("location", ["http://[", "http://[::1", "//", "\xff\xfe", "http://x:99999999/", "gopher:x"])
def test_a_redirect_to_nowhere_is_an_answer_too(client: HttpClient, location: str) -> None:
    with serving(always(answer(b"", status=302, headers={"Location": location}))) as server:
        assert send(client, post(server.origin)).status == 302


def test_a_redirects_body_has_the_same_limit(client: HttpClient) -> None:
    sent = [0]

    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 67108864\r\n\r\n")
        for _ in range(64):
            connection.sendall(b"x" * MEBIBYTE)
            sent[0] += MEBIBYTE
        return False

    with serving(script) as server:
        too_large(client, post(server.origin))

    assert sent[0] < 32 * MEBIBYTE  # the rest of what was under way fits into the sockets' buffers


# Kept connections


def test_gets_share_a_connection_and_a_post_too_where_it_was_used_a_moment_ago(client: HttpClient) -> None:
    with serving(always(answer())) as server:
        for make in (get, get, get, post):
            send(client, make(server.origin))

        assert [seen.connection for seen in server.seen] == [1, 1, 1, 1]


def test_a_post_does_not_trust_a_connection_that_was_idle_for_long(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "IDLE_LIMIT", 0.05)
    with serving(always(answer())) as server:
        send(client, get(server.origin))
        time.sleep(0.1)
        send(client, get(server.origin))
        time.sleep(0.1)
        send(client, post(server.origin))

        assert [(seen.method, seen.connection) for seen in server.seen] == [("GET", 1), ("GET", 1), ("POST", 2)]


def test_another_hosts_traffic_does_not_make_a_connection_look_fresh(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "IDLE_LIMIT", 0.05)
    with serving(always(answer())) as one, serving(always(answer())) as other:
        send(client, get(one.origin))
        time.sleep(0.1)
        send(client, get(other.origin))
        send(client, post(one.origin))

        assert [(seen.method, seen.connection) for seen in one.seen] == [("GET", 1), ("POST", 2)]


@pytest.mark.parametrize("make", [get, post])
def test_a_connection_that_was_closed_while_idle_loses_and_doubles_nothing(
    client: HttpClient, make: Callable[[str], Request]
) -> None:
    with serving(always(answer(), keep=False)) as server:
        for _ in range(3):
            assert send(client, make(server.origin)).status == 200
            time.sleep(0.05)  # the server's close arrives

        assert [seen.connection for seen in server.seen] == [1, 2, 3]


def test_a_post_that_dies_on_a_kept_connection_is_not_sent_again(client: HttpClient) -> None:
    def script(seen: Seen, connection: socket.socket) -> bool:
        if seen.method == "GET":
            connection.sendall(answer())
        return seen.method == "GET"

    with serving(script) as server:
        send(client, get(server.origin))

        assert failure(client, post(server.origin)).request_outcome is RequestOutcome.UNKNOWN
        assert [seen.method for seen in server.seen] == ["GET", "POST"]


@pytest.mark.parametrize("bad", [b"", b"THIS IS NOT HTTP\r\n\r\n", answer(b"x" * 3_000_000), answer()[:-1]])
def test_after_a_failure_the_next_call_has_a_sound_connection(client: HttpClient, bad: bytes) -> None:
    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(answer() if seen.method == "GET" else bad)
        return seen.method == "GET"

    with serving(script) as server:
        with pytest.raises((ProviderUnavailable, ProviderError)):
            send(client, post(server.origin))

        assert send(client, get(server.origin)).status == 200


# What is not taken from elsewhere


def test_a_cookie_is_never_sent_back(client: HttpClient) -> None:
    cookie = {"Set-Cookie": "session=merchant-one; Path=/"}
    with serving(always(answer(headers=cookie))) as server:
        send(client, get(server.origin))
        send(client, get(server.origin))

        assert ["cookie" in seen.headers for seen in server.seen] == [False, False]


@pytest.mark.parametrize("given", [None, "Bearer ours"])
def test_no_authorization_comes_out_of_a_netrc(
    client: HttpClient, given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\ndefault login ann password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    headers = {} if given is None else {"Authorization": given}

    with serving(always(answer())) as server:
        send(client, Request("GET", server.origin, headers))

        assert server.seen[0].headers.get("authorization") == given


def test_proxies_of_the_environment_are_ignored(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(answer(b"", status=502))) as proxy, serving(always(answer())) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        assert send(client, get(server.origin)).status == 200
        assert proxy.connections == 0
