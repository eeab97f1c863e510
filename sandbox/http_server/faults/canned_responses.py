"""Define the faults that replace the provider's response."""

from dataclasses import dataclass
from typing import Self

from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.faults.canned_bodies import read_body
from sandbox.http_server.faults.injected_fault import Act, read_act
from sandbox.http_server.json_fields import Fields
from sandbox.http_server.messages import JSON_TYPE, Response

MAX_HUGE_BYTES = 1 << 30
CHUNK = 64 * 1024


@dataclass(frozen=True)
class CannedResponse:
    """Send a canned response with any status, headers and body."""

    response: Response
    act: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        status = fields.whole("status", None, 200, 599)
        content_type, body = read_body(fields, "")
        headers = {"Content-Type": content_type} if body else {}
        return cls(Response(status, {**headers, **fields.text_map("headers")}, body), read_act(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        if self.act:
            act()
        connection.respond(self.response)


@dataclass(frozen=True)
class Garbage(CannedResponse):
    """Send 200 with HTML, or with any bytes."""

    @classmethod
    def read(cls, fields: Fields) -> Self:
        _, body = read_body(fields, "<!doctype html><html><body>Just a moment…</body></html>")
        content_type = fields.optional_text("contentType") or "text/html; charset=utf-8"
        return cls(Response(200, {"Content-Type": content_type}, body), read_act(fields))


@dataclass(frozen=True)
class Huge:
    """Send 200 with one JSON string of `bytes` bytes.

    `chunked` leaves its length undeclared.
    """

    size: int
    chunked: bool
    act: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        size = fields.whole("bytes", None, 2, MAX_HUGE_BYTES)
        return cls(size, fields.flag("chunked", default=False), read_act(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        if self.act:
            act()
        headers = {"Content-Type": JSON_TYPE, **({"Transfer-Encoding": "chunked"} if self.chunked else {})}
        connection.send(connection.head_of(Response(200, headers), None if self.chunked else self.size))
        sent = 0
        while sent < self.size:
            block = bytearray(b"a" * min(CHUNK, self.size - sent))
            if sent == 0:
                block[:1] = b'"'
            sent += len(block)
            if sent == self.size:
                block[-1:] = b'"'
            connection.send(b"%x\r\n%b\r\n" % (len(block), bytes(block)) if self.chunked else bytes(block))
        if self.chunked:
            connection.send(b"0\r\n\r\n")


@dataclass(frozen=True)
class Malformed:
    """Send bytes that are not HTTP, then close the connection."""

    data: bytes
    act: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(read_body(fields, "THIS IS NOT HTTP\r\n\r\n")[1], read_act(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        if self.act:
            act()
        connection.send(self.data)
        connection.drop(reset=False)


@dataclass(frozen=True)
class Redirect:
    """Send a redirect.

    `location` defaults to /redirected on the same provider.
    """

    status: int
    location: str | None
    act: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(fields.whole("status", 302, 300, 399), fields.optional_text("location"), read_act(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        if self.act:
            act()
        connection.respond(Response(self.status, {"Location": self.location or f"{connection.origin}/redirected"}))
