"""A server of raw bytes on loopback: it reads whole requests and answers each as its script says."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    """One request as it came in; header names in lower case. `connection` counts the connections."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


#: Answers one request on its connection. Returning False closes the connection.
Script = Callable[[Seen, socket.socket], bool]


@dataclass
class ScriptedServer:
    script: Script
    tls: ssl.SSLContext | None = None
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port = self._listener.getsockname()[1]
        self.origin = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):  # until the listener is closed
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection, self.connections))
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        with suppress(OSError, ValueError):
            connection = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            self._open.add(connection)  # TLS takes the plain socket over
            with connection, connection.makefile("rb") as lines:
                while (seen := _read(lines.readline, lines.read, number)) is not None:
                    self.seen.append(seen)
                    if not self.script(seen, connection):
                        break
        plain.close()

    def close(self) -> None:
        """End the listener and every connection, and wait for their threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [self._accepting, *self._threads]:
            thread.join()


def _read(readline: Callable[[], bytes], read: Callable[[int], bytes], number: int) -> Seen | None:
    first = readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while line := readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(first[0], first[1], headers, read(int(headers.get("content-length", "0"))), number)


@contextmanager
def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script, tls)
    try:
        yield server
    finally:
        server.close()


def answer(body: bytes = b"{}", *, status: int = 200, headers: dict[str, str] | None = None) -> bytes:
    known = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in known.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def always(octets: bytes, *, keep: bool = True) -> Script:
    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(octets)
        return keep

    return script


def dripping(octets: bytes, seconds: float, *, at_once: bytes = b"") -> Script:
    """Return a script that sends one byte before each pause, after those that it sends at once."""

    def script(_seen: Seen, connection: socket.socket) -> bool:
        connection.sendall(at_once)
        for octet in octets:
            connection.sendall(bytes([octet]))
            time.sleep(seconds)
        return False

    return script


@contextmanager
def taking(least: float, most: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert least <= time.monotonic() - started <= most
