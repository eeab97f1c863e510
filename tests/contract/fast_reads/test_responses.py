"""Only a complete 200 counts. Whatever else a server does, botocore reads, and the reason is reported once."""

import json
import socket
from typing import Any

import pytest

from tests.contract.fast_reads.incomplete import CANARY, INCOMPLETE
from tests.contract.fast_reads.reading import BOTOCORE, FAST, Reader, item, reset, respond
from tests.contract.scripted_server import Script, Seen, always, answer, dripping, serving, taking
from token_broker.aws.fast_reads import reads
from token_broker.aws.fast_reads.connection import HEAD_LIMIT

#: Seconds that a read has in a test which waits for its end.
LIMIT = 0.2


def served(octets: bytes, *, keep: bool = True) -> Reader:
    """Read twice from a server that always sends this. The second read shows whether the first has failed."""
    with serving(always(octets, keep=keep)) as server:
        reader = Reader(server.origin)
        first, second = reader.read(), reader.read()
        assert first == second
        assert first == (BOTOCORE if reader.reasons else FAST)
        assert len(server.seen) == (1 if reader.reasons else 2)
        return reader


@pytest.mark.parametrize(
    "octets",
    [
        respond(),
        answer(item()),  # without a checksum
        respond(**{"content-encoding": "identity"}),
        respond(**{"CONTENT-LENGTH": str(len(item()))}).replace(f"Content-Length: {len(item())}\r\n".encode(), b"", 1),
        respond().replace(b"HTTP/1.1 200 Status", b"HTTP/1.1 200"),
        respond(x="y" * (HEAD_LIMIT // 2)),
    ],
)
def test_a_complete_response_is_read_without_botocore(octets: bytes) -> None:
    reader = served(octets)

    assert (reader.reasons, reader.left) == ([], [])


def test_a_large_response_is_read_whole() -> None:
    with serving(always(respond(item("x" * 1_000_000)))) as server:
        assert len(Reader(server.origin).read()) == 1_000_000


def test_a_missing_item_is_none() -> None:
    with serving(always(respond(b"{}"))) as server:
        reader = Reader(server.origin)

        assert reader.read() is None
        assert (reader.reasons, reader.left) == ([], [])


def test_each_page_of_a_query_is_read_without_botocore() -> None:
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    asked: list[Any] = []

    def pages(seen: Seen, connection: socket.socket) -> bool:
        asked.append(json.loads(seen.body).get("ExclusiveStartKey"))
        more = {} if asked[-1] else {"LastEvaluatedKey": key}
        connection.sendall(respond(json.dumps({"Items": [key], **more}).encode()))
        return True

    with serving(pages) as server:
        reader = Reader(server.origin)

        assert reader.page() == [{"pk": "p", "sk": "s"}] * 2
        assert (asked, reader.reasons, reader.left) == ([None, key], [], [])
        assert server.connections == 1


@pytest.mark.parametrize(("octets", "reason"), INCOMPLETE)
def test_anything_else_is_read_again_by_botocore(octets: bytes, reason: str) -> None:
    reader = served(octets)

    assert (reader.reasons, reader.left) == ([reason], ["GetItem", "GetItem"])
    assert CANARY not in reason


@pytest.mark.parametrize(
    "found",
    [
        *("3", "null", "[]", '"text"', '{"by": 3}', '{"by": null}', '{"by": {}}', '{"by": {"N": "x"}}'),
        *('{"by": {"N": 7}}', '{"by": {"S": "a", "N": "1"}}', '{"by": {"M": 3}}', '{"by": {"L": 3}}'),
    ],
)
def test_an_item_of_another_shape_is_read_again_by_botocore(found: str) -> None:
    with serving(always(respond(f'{{"Item": {found}}}'.encode()))) as server:
        reader = Reader(server.origin)

        assert (reader.read(), reader.left) == (BOTOCORE, ["GetItem"])


@pytest.mark.parametrize("body", [{}, {"Items": None}, {"Items": 3}, {"Items": [3]}, {"Items": [{"pk": 3}]}])
def test_a_page_of_another_shape_is_read_again_by_botocore(body: Any) -> None:
    with serving(always(respond(json.dumps(body).encode()))) as server:
        reader = Reader(server.origin)

        assert (reader.page(), reader.left) == ([], ["Query"])


@pytest.mark.parametrize("by_reset", [False, True])
def test_a_response_that_ends_anywhere_is_none(*, by_reset: bool) -> None:
    whole = respond()
    at = iter(range(len(whole)))

    def cut(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(whole[: next(at)])
        if by_reset:
            reset(connection)
        return False

    with serving(cut) as server:
        for _ in range(len(whole)):
            reader = Reader(server.origin)

            assert (reader.read(), len(reader.reasons)) == (BOTOCORE, 1)
        assert server.connections == len(whole)


def test_a_connection_that_is_refused_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reader = Reader(f"http://127.0.0.1:{port}")

    assert (reader.read(), reader.reasons) == (BOTOCORE, ["ConnectionRefusedError"])


def test_if_an_address_of_the_host_refuses_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        refusing = listener.getsockname()
    with serving(always(respond())) as server:
        addresses = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", each) for each in (refusing, ("127.0.0.1", server.port))
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        reader = Reader("http://dynamodb.example")

        assert (reader.read(), reader.reasons) == (FAST, [])


# Time


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "TIME_LIMIT", LIMIT)


def never(_seen: Seen, connection: socket.socket) -> bool:
    connection.recv(1)  # until the reader leaves
    return False


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize(
    "script",
    [
        never,
        dripping(respond(), LIMIT / 4),
        dripping(respond()[-len(item()) :], LIMIT / 4, at_once=respond()[: -len(item())]),
    ],
)
def test_the_limit_holds_for_the_whole_read(script: Script) -> None:
    """A whole response would take many times the limit."""
    with serving(script) as server, taking(LIMIT * 0.9, LIMIT * 10):
        reader = Reader(server.origin)

        assert (reader.read(), reader.reasons) == (BOTOCORE, ["TimeoutError"])


@pytest.mark.usefixtures("limit")
def test_an_address_without_a_route_takes_the_limit_once() -> None:
    """A full queue of connections drops each further one in silence, as a network without a route does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        reader = Reader(f"http://127.0.0.1:{listener.getsockname()[1]}")

        with taking(LIMIT * 0.9, LIMIT * 10):
            assert [reader.read() for _ in range(20)] == [BOTOCORE] * 20
        assert reader.reasons == ["TimeoutError"]
        for each in waiting:
            each.close()


# After a failure


def test_after_a_failure_botocore_reads_for_a_minute() -> None:
    failed = answer(b"", status=500)
    responses = iter([failed, respond(), failed])

    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(next(responses))
        return True

    def read_after(seconds: float) -> tuple[str, int]:
        reader.clock.advance(seconds)
        return reader.read(), len(server.seen)

    with serving(script) as server:
        reader = Reader(server.origin)
        first = [read_after(seconds) for seconds in (0, 0, reads.REST - 1)]
        second = [read_after(seconds) for seconds in (2, 1, 1)]

    assert first == [(BOTOCORE, 1)] * 3
    assert second == [(FAST, 2), (BOTOCORE, 3), (BOTOCORE, 3)]
    assert reader.reasons == ["status_500", "status_500"]
