"""HTTP clients on a scripted transport."""

from typing import Any

from tests.fakes.clock import MovableClock
from tests.fakes.transport import ScriptedTransport, Step
from token_broker.clock import Deadline
from token_broker.http.client import HttpClient, HttpResponse, Request


class Line:
    """For one provider's tests: `http` is what its client gets; `said` is what the provider will answer."""

    def __init__(self, *said: Step) -> None:
        self.clock = MovableClock()
        self.transport = ScriptedTransport(*said)
        self.http = HttpClient(self.clock, self.transport, jitter=lambda: 0.0)

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(self.clock, 15)

    @property
    def request(self) -> Request:
        """The only request that was sent."""
        (request,) = self.transport.requests
        return request


class HttpLine:
    """One client that sends single requests, and notes what it waited and observed."""

    def __init__(self, *steps: Step, jitter: float = 1.0) -> None:
        self.clock = MovableClock()
        self.transport = ScriptedTransport(*steps)
        self.observed: list[tuple[str, int | str, float]] = []
        self.client = HttpClient(
            self.clock, self.transport, lambda *what: self.observed.append(what), jitter=lambda: jitter
        )

    def send(self, method: str = "GET", seconds: float = 20, **more: Any) -> HttpResponse:
        request = Request(method, "https://provider.example/x", **more)
        return self.client.send(request, Deadline.after(self.clock, seconds))

    @property
    def tries(self) -> int:
        return len(self.transport.sent)

    def allowed(self, number: int) -> float:
        """Seconds that a try was given in all."""
        sent = self.transport.sent[number]
        return sent.connect_timeout + sent.read_timeout
