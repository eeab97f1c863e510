"""Define the faults of the connection: refuse, hang, drop."""

from dataclasses import dataclass
from typing import Self

from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.faults.injected_fault import Act
from sandbox.http_server.json_fields import Fields

MAX_SECONDS = 3600.0


@dataclass(frozen=True)
class Refuse:
    """Reset a connection as soon as it is accepted, and a kept one as soon as a request line arrives."""

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls()

    def inject(self, _act: Act, connection: ClientConnection) -> None:
        connection.drop(reset=True)


@dataclass(frozen=True)
class Hang:
    """Wait, then act and respond.

    If the caller leaves first, nothing is done. With `late`, it is done anyway after the wait.
    """

    seconds: float
    late: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(_seconds(fields), fields.flag("late", default=False))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        connection.pause(self.seconds, ignore_disconnect=self.late)
        connection.respond(act())


@dataclass(frozen=True)
class ActThenHang:
    """Act at once, and respond after the wait."""

    seconds: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(_seconds(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        response = act()
        connection.pause(self.seconds)
        connection.respond(response)


@dataclass(frozen=True)
class Drop:
    """Close without a response. With `reset`, close by RST."""

    reset: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(fields.flag("reset", default=False))

    def inject(self, _act: Act, connection: ClientConnection) -> None:
        connection.drop(self.reset)


@dataclass(frozen=True)
class ActThenDrop(Drop):
    """Act, then close without a response."""

    def inject(self, act: Act, connection: ClientConnection) -> None:
        act()
        connection.drop(self.reset)


def _seconds(fields: Fields) -> float:
    return fields.number("seconds", None, 0, MAX_SECONDS)
