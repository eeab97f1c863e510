"""End an exchange when its time is over.

The time-outs of a socket apply to each read. A server that sends one byte every few seconds could hold a call for ever.
Before a change, read `docs/decisions/0022-a-timer-ends-each-exchange.md`.
"""

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection
from typing import Self


class Alarm:
    """Shut down the connection of one exchange when its time is over.

    `rang` tells this shutdown from a close by the server. `sent` tells whether a request was started.
    """

    def __init__(self, seconds: float) -> None:
        self.rang = False
        self.sent = False
        self._connection: HTTPConnection | None = None
        self._sock: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def watch(self, connection: HTTPConnection) -> None:
        """Set the connection to shut down. Raises `TimeoutError` if the time is already over."""
        self._connection, self._sock = connection, connection.sock
        if self.rang:
            raise TimeoutError("the time is over")

    def _ring(self) -> None:
        self.rang = True
        # A connection passes its socket to a response that has no length or has `Connection: close`.
        sock = (self._connection.sock if self._connection is not None else None) or self._sock
        if sock is not None:
            with suppress(OSError):  # the socket is already closed
                # SSLSocket's own method would remove the TLS state while another thread reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()  # a late ring must not affect the next exchange
