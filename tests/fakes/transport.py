"""A transport that answers what a test wrote down, and keeps what was sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from token_broker.http.client import HttpResponse, Request, TransportFailure

type Step = HttpResponse | TransportFailure | Callable[[Request], HttpResponse]


def answer(status: int, body: bytes | str = b"", **headers: str) -> HttpResponse:
    """Build a response of raw bytes. `retry_after="2.0"` becomes the header `retry-after`."""
    octets = body.encode() if isinstance(body, str) else body
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, octets)


def json_answer(status: int, body: Any, **headers: str) -> HttpResponse:
    """Build a response whose body is JSON."""
    return answer(status, json.dumps(body), content_type="application/json", **headers)


@dataclass(frozen=True)
class Sent:
    """One request as it went out, and what it was allowed."""

    request: Request
    connect_timeout: float
    read_timeout: float
    body_limit: int


class ScriptedTransport:
    """Answers with the steps in their order. One request more than there are steps is a failure of the test."""

    def __init__(self, *steps: Step) -> None:
        self.steps: list[Step] = list(steps)
        self.sent: list[Sent] = []

    def send(self, request: Request, *, connect_timeout: float, read_timeout: float, body_limit: int) -> HttpResponse:
        self.sent.append(Sent(request, connect_timeout, read_timeout, body_limit))
        if not self.steps:
            raise AssertionError(f"request {len(self.sent)} was not expected: {request.method} {request.url}")
        step = self.steps.pop(0)
        if isinstance(step, TransportFailure):
            raise step
        return step if isinstance(step, HttpResponse) else step(request)

    @property
    def requests(self) -> list[Request]:
        return [each.request for each in self.sent]
