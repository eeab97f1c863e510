"""HTTP messages as plain data: what the provider logic reads and answers, with no socket in sight."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Request:
    """`target` is the path with its query as sent; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

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
    """The JSON value of a body. Raises ValueError for anything else, however it is broken."""
    try:
        value: object = json.loads(body.decode())
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate parses, and can't be sent again
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def fingerprint(value: str) -> str:
    """What stands for a credential or a token wherever it is shown: first 12 hex digits of SHA-256."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:12]
