"""Read one item as the store does, and see who has read it: the fast read, or botocore after it."""

import json
import socket
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.scripted_server import Seen, answer
from tests.fakes.clock import MovableClock
from token_broker.aws.fast_reads.connection import Connection
from token_broker.aws.fast_reads.reads import FastReads, endpoint
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.table import Table

FAST, BOTOCORE = "the fast read", "botocore"


def item(by: str = FAST, key: str = "s") -> bytes:
    """Return DynamoDB's response with an item that tells who has read it."""
    return json.dumps({"Item": wrap_all({"pk": "p", "sk": key, "by": by})}).encode()


def respond(body: bytes | None = None, /, **headers: str) -> bytes:
    """Return a complete response, with the checksum that DynamoDB sends."""
    octets = item() if body is None else body
    return answer(octets, headers={"x-amz-crc32": str(zlib.crc32(octets)), **headers})


class Reader:
    """A table at an address. `reasons` has each reported failure, and `left` each read that botocore has done.

    Sockets keep the machine's time.
    """

    def __init__(self, address: str) -> None:
        self.reasons: list[str] = []
        self.left: list[str] = []
        found = endpoint({"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": address})
        assert found is not None
        self.clock = MovableClock(time.time())
        self.fast = FastReads(found, self.reasons.append, self.clock)
        self._table = Table(lambda: self, "tokens", fast_read=self.fast.read)

    def get_item(self, **_: Any) -> Mapping[str, Any]:
        self.left.append("GetItem")
        return dict(json.loads(item(BOTOCORE)))

    def query(self, **_: Any) -> Mapping[str, Any]:
        self.left.append("Query")
        return {"Items": []}

    def read(self, key: str = "s") -> Any:
        """Return who has read the item."""
        found = self._table.get(("p", key))
        return None if found is None else found["by"]

    def page(self) -> list[dict[str, Any]]:
        return list(self._table.query("p"))


def key_of(seen: Seen) -> str:
    """Return the sort key that a request asks for."""
    return str(json.loads(seen.body)["Key"]["sk"]["S"])


def reset(connection: socket.socket) -> None:
    """Close the connection by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def connections_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every connection at the end. A process keeps its last one for its life."""
    made: list[Connection] = []
    connect = Connection.__init__

    def note(self: Connection, *arguments: Any) -> None:
        connect(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Connection, "__init__", note)
    yield
    for each in made:
        each.close()
