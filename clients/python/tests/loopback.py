"""Serve answers of the tests' choice on the loopback interface."""

import json
import queue
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

TOKEN: dict[str, Any] = {
    "provider": "shopify",
    "merchant": "acme",
    "tokenId": "1001",
    "accessToken": "VALUE-OF-A-TOKEN",
    "tokenType": "storefront_access_token",
    "scope": ["unauthenticated_read_product_listings"],
    "issuedAt": 1_795_255_200,
    "expiresAt": None,
    "subject": "shop",
    "title": "Blog",
    "use": {
        "in": "header",
        "name": "X-Shopify-Storefront-Access-Token",
        "url": "https://acme.example/api/graphql.json",
    },
    "providerData": {"shop": "acme.example"},
}


class Request(NamedTuple):
    """One request that the server got, and the number of its connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


#: Sends a reply to an open connection.
Reply = Callable[[socket.socket], None]


def answer(
    body: bytes | Mapping[str, Any], status: int = 200, *, closing: bool = False, **headers: str | None
) -> Reply:
    """Return a reply in HTTP. A header that is None is left out. `closing` closes the connection without a word."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    shown = {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        "x-amzn-RequestId": "request-1",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in shown.items() if value is not None)]

    def reply(connection: socket.socket) -> None:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        if closing:
            raise ConnectionAbortedError

    return reply


def problem(code: str, status: int, *, retryable: bool = False, retry_after: int | None = None, **more: Any) -> Reply:
    """Return the reply of the broker that reports an error."""
    document = {"code": code, "status": status, "detail": "Details.", "requestId": "request-1", "retryable": retryable}
    return answer({**document, **more}, status, Retry_After=None if retry_after is None else str(retry_after))


def reset(connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionAbortedError


def trickle(text: bytes) -> Reply:
    """Return a reply that sends a byte at a time, until the client gives up."""

    def reply(connection: socket.socket) -> None:
        gone = threading.Event()
        for each in text:
            connection.sendall(bytes([each]))
            gone.wait(0.02)

    return reply


class Server:
    """A server on the loopback interface. Each request gets the next reply, and the last reply repeats."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [answer(TOKEN)]
        self.requests: list[Request] = []
        self.connections = 0
        self.ended = threading.Event()
        #: The numbers of the connections that the server has closed.
        self.hung_up: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"http://{self.host}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        self._converse(connection, number)
        self.hung_up.put(number)

    def _converse(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as incoming:
            connection.settimeout(20)
            while line := incoming.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers: dict[str, str] = {}
                while header := incoming.readline().strip():
                    name, _, value = header.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                body = incoming.read(int(headers.get("content-length", "0")))
                with self._lock:
                    self.requests.append(Request(method, target, headers, body, number))
                    reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                reply(connection)

    def never(self, _connection: socket.socket) -> None:
        """Reply nothing."""
        self.ended.wait(20)

    def close(self) -> None:
        """Stop listening."""
        self.ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
