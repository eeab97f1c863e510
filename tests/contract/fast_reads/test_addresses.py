"""A host's addresses are found within the limit of the read, and each of them is tried."""

import socket
import threading
from typing import Any

import pytest

from tests.contract.fast_reads.reading import BOTOCORE, FAST, Reader, respond
from tests.contract.scripted_server import always, serving, taking
from token_broker.aws.fast_reads import reads

LIMIT = 0.3
#: A number that no system has a family for, as IPv6's where the kernel was started without it.
NO_FAMILY = 9999


def test_an_address_of_a_family_that_the_system_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(always(respond())) as server:
        rows = [
            (NO_FAMILY, socket.SOCK_STREAM, 6, "", ("::1", server.port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
        reader = Reader(server.origin)

        assert (reader.read(), reader.reasons) == (FAST, [])


def test_without_a_thread_for_the_resolver_botocore_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reader = Reader("http://dynamodb.test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)

        assert (reader.read(), reader.reasons) == (BOTOCORE, ["RuntimeError"])


def test_a_resolver_that_does_not_answer_takes_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver waits for seconds. Lambda gives INIT ten, and starts it again after them."""
    answered = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        answered.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(reads, "TIME_LIMIT", LIMIT)
    reader = Reader("http://dynamodb.test")

    with taking(LIMIT * 0.9, LIMIT * 10):
        reader.fast.connect()
    with taking(LIMIT * 0.9, LIMIT * 10):
        assert (reader.read(), reader.reasons) == (BOTOCORE, ["TimeoutError"])
    answered.set()
