"""Define the faults that act and then corrupt the provider's response."""

from dataclasses import dataclass
from typing import Self

from sandbox.http_server.client_connection import ClientConnection
from sandbox.http_server.faults.injected_fault import Act
from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import Response, json_response, parse_json

MAX_MISSING_BYTES = 1 << 30


@dataclass(frozen=True)
class SlowDrip:
    """Send the headers or the body of the response one byte at a time."""

    seconds_per_byte: float
    part: str

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            fields.number("secondsPerByte", 0.1, 0.001, 60),
            fields.choice("part", ("headers", "body"), "body"),
        )

    def inject(self, act: Act, connection: ClientConnection) -> None:
        response = act()
        head, body = connection.head_of(response, len(response.body)), connection.body_of(response)
        slow = head if self.part == "headers" else body
        if slow is body:
            connection.send(head)
        for byte in slow:
            connection.send(bytes([byte]))
            connection.pause(self.seconds_per_byte)
        if slow is head:
            connection.send(body)


@dataclass(frozen=True)
class Truncated:
    """Send the response without the last `missing` bytes of the length that it declares."""

    missing: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(fields.whole("missing", 10, 1, MAX_MISSING_BYTES))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        response = act()
        connection.drop(reset=False)
        kept = max(0, len(response.body) - self.missing)
        connection.send(connection.head_of(response, kept + self.missing) + connection.body_of(response)[:kept])


@dataclass(frozen=True)
class ResponseOverride:
    """Change the response by a JSON merge patch (RFC 7396), by `status` or by additional `headers`."""

    patch: object
    status: int | None
    headers: dict[str, str]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        status = fields.whole("status", None, 200, 599) if fields.has("status") else None
        if not fields.has("patch") and status is None and not fields.has("headers"):
            raise InputError("The fault response_override needs patch, a JSON merge patch, or status, or headers.")
        patch = fields.anything("patch") if fields.has("patch") else {}
        return cls(patch, status, fields.text_map("headers"))

    def inject(self, act: Act, connection: ClientConnection) -> None:
        original = act()
        body = (
            original.body if self.patch == {} else json_response(200, merge(_json_or_empty(original), self.patch)).body
        )
        headers = {**original.headers, **self.headers}
        connection.respond(Response(self.status or original.status, headers, body))


def merge(target: object, patch: object) -> object:
    """Apply a merge patch (RFC 7396).

    Null removes a member, an object merges, and any other value replaces.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _json_or_empty(response: Response) -> object:
    try:
        return parse_json(response.body)
    except ValueError:
        return {}
