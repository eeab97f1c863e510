"""Represent HTTP messages as plain data, independent of sockets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Request:
    """Represent a request.

    `target` is the path with its query as sent. Header names are lowercase. `peer` is the caller's IP address.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    peer: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def query_value(self, name: str) -> str | None:
        return parse_qs(self.query).get(name, [None])[0]

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(status, {"Content-Type": f"{JSON_TYPE}; charset=utf-8", **(headers or {})}, body)


def parse_json(body: bytes) -> object:
    """Return the JSON value of a body.

    Raises `ValueError` for anything else.
    """
    try:
        value: object = json.loads(body.decode())
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate can be parsed, but not sent
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def parse_parameters(request: Request) -> dict[str, str]:
    """Return the texts and numbers of a form or of a JSON object, and nothing for any other body."""
    try:
        if request.media_type != JSON_TYPE:
            return dict(parse_qsl(request.body.decode()))
        body = parse_json(request.body)
    except ValueError:
        return {}
    members = body.items() if isinstance(body, dict) else ()
    return {name: str(value) for name, value in members if isinstance(value, str | int)}


def fingerprint(value: str) -> str:
    """Return the first 12 hex digits of a value's SHA-256, which replace credentials and tokens in output."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:12]
