"""Make urllib3's read timeout a limit for the whole answer.

By itself it starts again with each byte that arrives, so an answer that trickles could take for ever.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    import socket

    from urllib3 import PoolManager


def pools_with_whole_timeouts(pools: PoolManager) -> PoolManager:
    """Return the pools, whose connections count their read timeout down over a whole answer."""
    pools.pool_classes_by_scheme = cast("Any", {"http": _HttpPool, "https": _HttpsPool})
    return pools


class _Socket:
    """Pass everything on to a connected socket, and count its timeout down from when it was set."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected
        self._ends_at: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connected, name)

    def settimeout(self, seconds: float | None) -> None:
        self._ends_at = None if seconds is None else time.monotonic() + seconds
        self._connected.settimeout(seconds)

    def restrict(self) -> None:
        """Limit the next read to what is left. Raises `TimeoutError`."""
        if self._ends_at is None:
            return
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._connected.settimeout(left)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a buffered reader, the only kind of file that http.client asks for."""
        return io.BufferedReader(_Reader(cast("io.RawIOBase", self._connected.makefile("rb", buffering=0)), self))


class _Reader(io.RawIOBase):
    """Read from a socket, each time within what is left of its timeout."""

    def __init__(self, raw: io.RawIOBase, owner: _Socket) -> None:
        super().__init__()
        self._raw = raw
        self._owner = owner

    def readable(self) -> bool:
        """Return True, as BufferedReader asks."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read once. Raises `TimeoutError`."""
        self._owner.restrict()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Release the socket, which closes when its connection has released it too."""
        self._raw.close()
        super().close()


class _HttpConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _Socket(self.sock))

    def request(self, *args: Any, **settings: Any) -> None:
        _limit_sending(self)
        super().request(*args, **settings)


class _HttpsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = cast("socket.socket", _Socket(self.sock))

    def request(self, *args: Any, **settings: Any) -> None:
        _limit_sending(self)
        super().request(*args, **settings)


def _limit_sending(connection: HTTPConnection) -> None:
    """Set the new request's limit. A kept connection has what the answer before has left."""
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = cast("Any", _HttpConnection)


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = cast("Any", _HttpsConnection)
