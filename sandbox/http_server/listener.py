"""Serve HTTP/1.1 on loopback: read a request, and send the response or inject the fault."""

import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from sandbox.http_server.client_connection import ClientConnection, reset_on_close
from sandbox.http_server.faults.injected_fault import InjectedFault
from sandbox.http_server.messages import Request, Response, json_response

HOST = "127.0.0.1"
IDLE_SECONDS = 120
LINE_LIMIT = 65_536

# This is socketserver's type of a request. The tuple is for datagrams and does not occur here.
type Connection = socket.socket | tuple[bytes, socket.socket]

Receive = Callable[[Request], tuple[InjectedFault | None, Callable[[], Response]]]


class Listener(ThreadingHTTPServer):
    """Listen on one port.

    `receive` takes each request. `refuses` says whether to reset a connection before it is read.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        receive: Receive,
        refuses: Callable[[], bool],
        stopping: threading.Event,
        body_limit: int,
    ) -> None:
        super().__init__((HOST, port), _Connection)
        self.receive = receive
        self.refuses = refuses
        self.stopping = stopping
        self.body_limit = body_limit
        self.origin = f"http://{HOST}:{self.server_address[1]}"
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    def server_bind(self) -> None:
        # HTTPServer would look up its own name in the DNS, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Connection, client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._connections_lock:
                self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        with self._connections_lock:
            self._connections -= {request}
        super().shutdown_request(request)

    def handle_error(self, request: Connection, client_address: object) -> None:
        # Callers leave by design. Any other error is a bug and is shown.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop accepting, end every connection and wait for their threads."""
        self.shutdown()
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    @property
    def listener(self) -> Listener:
        return cast("Listener", self.server)

    def log_message(self, *_args: object) -> None:
        """Write no log line, because the control address reports the requests."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            if self.listener.refuses():
                reset_on_close(self.connection)
                return
            super().handle()

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(LINE_LIMIT + 1)
        if not self.raw_requestline or len(self.raw_requestline) > LINE_LIMIT:
            return
        if self.listener.refuses():
            reset_on_close(self.connection)
            return
        if not self.parse_request():
            return
        body = self._read_body()
        connection = self._wire()
        if isinstance(body, Response):
            connection.drop(reset=False)
            connection.respond(body)
        elif body is not None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, body, self.client_address[0])
            injected, act = self.listener.receive(request)
            if injected is None:
                connection.respond(act())
            else:
                injected.inject(act, connection)
        self.close_connection = not connection.open

    def _wire(self) -> ClientConnection:
        keep, head = not self.close_connection, self.command == "HEAD"
        return ClientConnection(self.connection, self.listener.origin, keep, head, self.listener.stopping)

    def _read_body(self) -> bytes | Response | None:
        """Return the body, an error response, or None if the caller left during the request."""
        if "Transfer-Encoding" in self.headers:
            return json_response(411, {"error": "A Content-Length is required."})
        declared = self.headers.get("Content-Length", "0")
        if not (declared.isascii() and declared.isdecimal()):
            return json_response(400, {"error": "Content-Length must be a number."})
        length = int(declared)
        if length > self.listener.body_limit:
            return json_response(413, {"error": f"A body may have at most {self.listener.body_limit} bytes."})
        body = self.rfile.read(length)
        return body if len(body) == length else None
