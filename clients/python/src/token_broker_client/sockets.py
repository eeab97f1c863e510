"""Make one limit hold for a whole exchange: the connection, a proxy's tunnel, the request and its whole answer.

urllib3 by itself starts its timeouts again with each address of a name, and with each byte that arrives.
"""

from __future__ import annotations

import io
import socket
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Generator

    from urllib3 import PoolManager

#: When this thread's exchange ends. urllib3 has no argument that would reach its sockets.
_ends_at: ContextVar[float] = ContextVar("ends_at")


@contextmanager
def limit(seconds: float) -> Generator[None]:
    """Limit what the connections of these pools do within it. A limit around it still holds."""
    end = time.monotonic() + seconds
    before = _ends_at.set(min(end, _ends_at.get(end)))
    try:
        yield
    finally:
        _ends_at.reset(before)


def pools_with_whole_timeouts(pools: PoolManager) -> PoolManager:
    """Return the pools, whose connections keep to `limit`. They cannot be used without it."""
    pools.pool_classes_by_scheme = cast("Any", {"http": _HttpPool, "https": _HttpsPool})
    return pools


def _left() -> float:
    """Return the seconds that are left. Raises `TimeoutError`."""
    left = _ends_at.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Socket:
    """Pass everything on to a connected socket, which sends and reads within what is left."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connected, name)

    def sendall(self, content: Any) -> None:
        """Send all of it. Raises `TimeoutError`."""
        self._connected.settimeout(_left())
        self._connected.sendall(content)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return a buffered reader, the only kind of file that http.client asks for."""
        raw = cast("io.RawIOBase", self._connected.makefile("rb", buffering=0))
        return io.BufferedReader(_Reader(raw, self._connected))


class _Reader(io.RawIOBase):
    """Read from a socket, each time within what is left."""

    def __init__(self, raw: io.RawIOBase, connected: socket.socket) -> None:
        super().__init__()
        self._raw = raw
        self._connected = connected

    def readable(self) -> bool:
        """Return True, as BufferedReader asks."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read once. Raises `TimeoutError`."""
        self._connected.settimeout(_left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Release the socket, which closes when its connection has released it too."""
        self._raw.close()
        super().close()


class _HttpConnection(HTTPConnection):
    def connect(self) -> None:
        """Connect, and open a proxy's tunnel and TLS, within one connect timeout."""
        with limit(cast("float", self.timeout)):
            super().connect()
        self.sock = cast("socket.socket", _Socket(self.sock))

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that accepts. Each gets an equal part of the time that is left."""
        name, timeout = self._dns_host, self.timeout
        addresses = _addresses(self, name)
        try:
            while True:
                self.timeout = _left() / len(addresses)
                self._dns_host = addresses.pop(0)
                try:
                    made = super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError):
                    if not addresses:
                        raise
                else:
                    self.sock = made  # so that it is closed if no time is left
                    made.settimeout(_left())
                    return made
        except TimeoutError as late:
            raise ConnectTimeoutError(self, "timed out") from late
        finally:
            self._dns_host, self.timeout = name, timeout

    def _tunnel(self) -> None:
        """Ask the proxy for the tunnel. TLS needs the socket itself afterwards."""
        connected = self.sock
        self.sock = cast("socket.socket", _Socket(connected))
        cast("Any", super())._tunnel()  # noqa: SLF001  # it is this class's own base
        connected.settimeout(_left())
        self.sock = connected


class _HttpsConnection(_HttpConnection, HTTPSConnection):
    pass


def _addresses(connection: HTTPConnection, name: str) -> list[str]:
    """Return the name's addresses. Raises `NewConnectionError` if there are none."""
    try:
        found = socket.getaddrinfo(name.strip("[]"), connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise NewConnectionError(connection, "the name has no address") from failure
    return [str(address[0]) for *_, address in found]


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = cast("Any", _HttpConnection)


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = cast("Any", _HttpsConnection)
