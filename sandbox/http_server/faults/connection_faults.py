"""Misbehaviours of the connection: refusing, hanging, dropping."""

from dataclasses import dataclass
from typing import Self

from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.faults.injected_fault import Act
from sandbox.http_server.json_fields import Fields

MAX_SECONDS = 3600.0


@dataclass(frozen=True)
class Refuse:
    """Reset the connection as soon as it is accepted; a kept one as soon as a request line arrives on it."""

    @classmethod
    def read(cls, _fields: Fields) -> Self:
        return cls()

    def inject(self, _act: Act, connection: ClientConnection) -> None:
        connection.drop(reset=True)


@dataclass(frozen=True)
class Hang:
    """Wait before acting, then act and answer. If the caller leaves first nothing is done, unless `late`: then it is
    done all the same when the time is over.
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
    """Act at once, answer after the wait."""

    seconds: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(_seconds(fields))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        answer = act()
        connection.pause(self.seconds)
        connection.respond(answer)


@dataclass(frozen=True)
class Drop:
    """Close without an answer; with `reset` by RST."""

    reset: bool

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(fields.flag("reset", default=False))

    def inject(self, _act: Act, connection: ClientConnection) -> None:
        connection.drop(self.reset)


@dataclass(frozen=True)
class ActThenDrop(Drop):
    """Act, then close without an answer."""

    def inject(self, act: Act, connection: ClientConnection) -> None:
        act()
        connection.drop(self.reset)


def _seconds(fields: Fields) -> float:
    return fields.number("seconds", None, 0, MAX_SECONDS)
