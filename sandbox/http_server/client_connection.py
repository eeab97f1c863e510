"""Send a response to one client: write bytes, wait, or drop the connection."""

import contextlib
import select
import socket
import struct
import threading
from email.utils import formatdate
from http import HTTPStatus

from sandbox.http_server.messages import Response

POLL_SECONDS = 0.05
_BODILESS = (204, 304)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class CallerGoneError(ConnectionError):
    """Report that the caller has closed its end, or that the server is stopping."""


class ClientConnection:
    """Send the response of one request.

    The connection is closed after the response if `open` has become False.
    """

    def __init__(
        self, connection: socket.socket, origin: str, keep: bool, head: bool, stopping: threading.Event
    ) -> None:
        self.open = keep
        self.origin = origin
        self._connection = connection
        self._head = head
        self._stopping = stopping

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def respond(self, response: Response) -> None:
        self.send(self.head_of(response, len(response.body)) + self.body_of(response))

    def body_of(self, response: Response) -> bytes:
        return b"" if self._head or response.status in _BODILESS else response.body

    def head_of(self, response: Response, length: int | None) -> bytes:
        """Return the status line and the headers.

        Without a `length`, they have no Content-Length.
        """
        headers = {"Date": formatdate(usegmt=True), **response.headers}
        if length is not None and response.status not in _BODILESS:
            headers["Content-Length"] = str(length)
        headers["Connection"] = "keep-alive" if self.open else "close"
        lines = [f"HTTP/1.1 {response.status} {reason_of(response.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def pause(self, seconds: float, *, ignore_disconnect: bool = False) -> None:
        """Wait on the machine's clock.

        Raises `CallerGoneError` once the caller has left, unless `ignore_disconnect`, or if the server stops.
        """
        while seconds > 0:
            step = min(seconds, POLL_SECONDS)
            if self._stopping.wait(step) or (not ignore_disconnect and self._caller_has_left()):
                raise CallerGoneError
            seconds -= step

    def drop(self, reset: bool) -> None:
        self.open = False
        if reset:
            reset_on_close(self._connection)

    def _caller_has_left(self) -> bool:
        readable, _, _ = select.select([self._connection], [], [], 0)
        return bool(readable) and self._connection.recv(1, socket.MSG_PEEK) == b""


def reset_on_close(connection: socket.socket) -> None:
    """Make the close send RST instead of FIN, so that the caller sees "connection reset"."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def reason_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
