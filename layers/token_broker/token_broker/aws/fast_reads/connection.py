"""Send requests over one HTTP/1.1 connection, and accept complete responses with status 200 only.

`http.client` is not used. It takes as long to import as Powertools' Logger, since it parses headers with `email`.
"""

from __future__ import annotations

import socket
import time
import zlib
from typing import TYPE_CHECKING

from token_broker.http.name_lookup import look_up

if TYPE_CHECKING:
    from ssl import SSLContext

#: Bytes. A page of a query has at most 1 MB of items, and JSON adds names and types.
HEAD_LIMIT, BODY_LIMIT = 16 * 1024, 4 * 1024 * 1024
_CHUNK = 64 * 1024
#: A second field of these names could contradict the first.
_SINGLE = frozenset({b"content-length", b"content-encoding", b"x-amz-crc32"})


class Failed(Exception):
    """Report that a response is not a complete 200. `reason` is for the log, and never quotes the response."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unanswered(Failed):
    """Report that the connection ended before the first byte of a response."""


class Connection:
    """Hold one connection. Times are limited by `until`, on the machine's monotonic clock.

    `idle_since` is for those who keep it, on their own clock.
    """

    def __init__(self, host: str, port: int, context: SSLContext | None, until: float) -> None:
        """Connect, with TLS if there is a context. Raises `OSError`."""
        self._socket = _connected(host, port, until)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                self._socket.settimeout(_left(until))
                self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except BaseException:
            self._socket.close()
            raise
        self.reusable = True
        self.idle_since = 0.0

    def close(self) -> None:
        """Close the connection."""
        self.reusable = False
        self._socket.close()

    def silent(self) -> bool:
        """Return whether nothing has come in since the last response, neither bytes nor the connection's end.

        Bytes that nobody asked for would be taken for the next response. A failure is found by the next request.
        """
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except OSError:  # as a rule, since it would have to wait
            return True
        return False

    def exchange(self, request: bytes, until: float) -> bytes:
        """Send a request, and return the body of the response.

        Raises `Failed` if the response is not a complete 200, `Unanswered` if there is none, and `OSError`.
        """
        self.reusable = False  # until the response is complete
        head, body = self._head(request, until)
        length, checksum, closing = _read_head(head)
        parts, missing = [body], length - len(body)
        while missing > 0:
            parts.append(self._receive(until))
            missing -= len(parts[-1])
        if missing:
            raise Failed("too_long")
        body = b"".join(parts)
        if checksum is not None and zlib.crc32(body) != checksum:
            raise Failed("wrong_checksum")
        self.reusable = not closing
        return body

    def _head(self, request: bytes, until: float) -> tuple[bytes, bytes]:
        """Return the head of the response, and the bytes after it."""
        try:
            self._socket.settimeout(_left(until))
            self._socket.sendall(request)
            received = self._socket.recv(_CHUNK)
        except ConnectionError as error:
            raise Unanswered(type(error).__name__) from None
        if not received:
            raise Unanswered("closed")
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > HEAD_LIMIT:
                raise Failed("head_too_long")
            received += self._receive(until)
        return received[:end], received[end + 4 :]

    def _receive(self, until: float) -> bytes:
        self._socket.settimeout(_left(until))
        received = self._socket.recv(_CHUNK)
        if not received:
            raise Failed("cut_off")
        return received


def _connected(host: str, port: int, until: float) -> socket.socket:
    """Return a socket that is connected to one of the host's addresses. All of them share the time."""
    failure = OSError()
    for family, kind, protocol, _, address in look_up(host, port, _left(until)):
        try:
            connection = socket.socket(family, kind, protocol)
        except OSError as error:  # a process without IPv6 can still get such addresses
            failure = error
            continue
        try:
            connection.settimeout(_left(until))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _read_head(head: bytes) -> tuple[int, int | None, bool]:
    """Return the body's length, its CRC-32 if there is one, and whether the server closes the connection."""
    status, *lines = head.split(b"\r\n")
    code = status[9:12]
    if not (status.startswith(b"HTTP/1.1 ") and code.isdigit() and status[12:13] in (b"", b" ")):
        raise Failed("not_http")
    if code != b"200":
        raise Failed(f"status_{code.decode()}")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or (name in fields and name in _SINGLE):
            raise Failed("malformed_head")
        fields[name] = value.strip()
    if b"transfer-encoding" in fields or fields.get(b"content-encoding", b"identity") != b"identity":
        raise Failed("encoded")
    length = fields.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 9 or int(length) > BODY_LIMIT:
        raise Failed("no_usable_length")
    checksum = fields.get(b"x-amz-crc32", b"")
    if checksum and not checksum.isdigit():
        raise Failed("malformed_head")
    closing = b"close" in fields.get(b"connection", b"").lower()
    return int(length), int(checksum) if checksum else None, closing
