"""Reads use one connection. Where it has ended, another one serves the read, and no failure is reported."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.fast_reads.reading import BOTOCORE, FAST, Reader, item, key_of, reset, respond
from tests.contract.scripted_server import Seen, always, answer, serving
from token_broker.aws.fast_reads import reads

#: Seconds until a test gives up.
PATIENCE = 20


def closed(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("end", [closed, reset])
def test_a_connection_that_the_server_has_ended_while_it_was_idle_is_replaced(
    end: Callable[[socket.socket], None],
) -> None:
    read, ended = threading.Semaphore(0), threading.Semaphore(0)

    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(respond())
        assert read.acquire(timeout=PATIENCE)
        end(connection)
        ended.release()
        return False

    with serving(script) as server:
        reader = Reader(server.origin)
        for number in range(1, 4):
            assert reader.read() == FAST
            read.release()
            assert ended.acquire(timeout=PATIENCE)
            assert server.connections == number

    assert (reader.reasons, reader.left) == ([], [])


@pytest.mark.parametrize("end", [closed, reset])
def test_a_connection_that_ends_at_the_request_is_replaced_once(end: Callable[[socket.socket], None]) -> None:
    """Only a kept connection can have ended unnoticed. A new one that ends without a response is a failure."""
    good = {1: 1, 2: 2}  # responses of each connection

    def script(seen: Seen, connection: socket.socket) -> bool:
        good[seen.connection] = good.get(seen.connection, 0) - 1
        if good[seen.connection] < 0:
            end(connection)
            return False
        connection.sendall(respond())
        return True

    with serving(script) as server:
        reader = Reader(server.origin)
        assert [reader.read() for _ in range(3)] == [FAST] * 3
        assert (reader.reasons, server.connections) == ([], 2)

        assert reader.read() == BOTOCORE
        assert (len(reader.reasons), server.connections, len(server.seen)) == (1, 3, 6)


def test_a_response_that_has_begun_is_not_asked_for_again() -> None:
    def script(seen: Seen, connection: socket.socket) -> bool:
        whole = len(server.seen) == 1
        connection.sendall(respond() if whole else respond()[:40])
        return whole

    with serving(script) as server:
        reader = Reader(server.origin)

        assert [reader.read(), reader.read()] == [FAST, BOTOCORE]
        assert (reader.reasons, len(server.seen)) == (["cut_off"], 2)


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close"])
def test_a_connection_that_the_server_will_close_is_not_used_again(value: str) -> None:
    with serving(always(respond(Connection=value))) as server:
        reader = Reader(server.origin)

        assert [reader.read() for _ in range(3)] == [FAST] * 3
        assert (reader.reasons, server.connections) == ([], 3)


def test_a_response_that_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    """It would hand out another merchant's token."""
    read, sent = threading.Event(), threading.Event()

    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(respond(item(key_of(seen), key_of(seen))))
        if seen.connection == 1:
            assert read.wait(PATIENCE)
            connection.sendall(respond(item("somebody else", "second")))
            sent.set()
        return True

    with serving(script) as server:
        reader = Reader(server.origin)
        assert reader.read("first") == "first"
        read.set()
        assert sent.wait(PATIENCE)

        assert reader.read("second") == "second"
        assert (reader.reasons, server.connections) == ([], 2)


def test_a_connection_that_was_idle_for_long_is_replaced_before_the_request() -> None:
    """The network between can have forgotten it. A request over it would wait in vain, after each quiet time again."""

    def script(seen: Seen, connection: socket.socket) -> bool:
        if seen.connection == 1 and len(server.seen) > 2:
            connection.recv(1)  # until the reader leaves
            return False
        connection.sendall(respond())
        return True

    with serving(script) as server:
        reader = Reader(server.origin)
        assert reader.read() == FAST
        reader.clock.advance(reads.IDLE_LIMIT - 1)
        assert reader.read() == FAST
        assert server.connections == 1

        reader.clock.advance(reads.IDLE_LIMIT)
        assert reader.read() == FAST
        assert (reader.reasons, reader.left, server.connections) == ([], [], 2)


def test_what_a_failed_read_left_over_is_not_read_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_broker.aws.fast_reads.reads.REST", 0.0)

    def script(seen: Seen, connection: socket.socket) -> bool:
        body = item(key_of(seen), key_of(seen))
        connection.sendall(answer(b"", status=500) + respond(body) if seen.connection == 1 else respond(body))
        return True

    with serving(script) as server:
        reader = Reader(server.origin)

        assert [reader.read("first"), reader.read("second")] == [BOTOCORE, "second"]
        assert (reader.reasons, server.connections) == (["status_500"], 2)


def test_a_connection_that_was_opened_before_serves_the_first_read() -> None:
    with serving(always(respond())) as server:
        reader = Reader(server.origin)
        reader.fast.connect()
        assert reader.read() == FAST
        assert (server.connections, reader.reasons) == (1, [])


def test_a_failure_to_open_it_before_is_left_to_the_first_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reader = Reader(f"http://127.0.0.1:{port}")

    reader.fast.connect()
    assert reader.reasons == []

    assert (reader.read(), reader.reasons) == (BOTOCORE, ["ConnectionRefusedError"])


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Change between threads as often as can be."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("busy_threads")
def test_threads_do_not_share_a_connection() -> None:
    """Each gets its own item."""

    def script(seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(respond(item(key_of(seen), key_of(seen))))
        return True

    keys = [f"key-{number}" for number in range(200)]
    with serving(script) as server, ThreadPoolExecutor(4) as pool:
        reader = Reader(server.origin)

        assert list(pool.map(reader.read, keys)) == keys
        assert (reader.reasons, reader.left) == ([], [])
