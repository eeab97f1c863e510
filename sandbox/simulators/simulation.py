"""Simulate three providers and an issuer, with one clock, a fault queue and a request log, under one lock."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sandbox.http_server.faults.injected_fault import InjectedFault
from sandbox.http_server.messages import Request, Response
from sandbox.simulators.chicksx.simulator import Chicksx
from sandbox.simulators.clock import Clock
from sandbox.simulators.fault_queue import FaultQueue
from sandbox.simulators.fourthwall.open_api import Fourthwall
from sandbox.simulators.issuer.issuer import Issuer
from sandbox.simulators.request_log import RecordedRequest
from sandbox.simulators.shopify.admin_api import Shopify

PROVIDERS = (
    "fourthwall",
    "chicksx",
    "shopify",
)
#: Every service with its own port. Its requests are recorded, and its responses can get faults.
SERVICES = (*PROVIDERS, "issuer")
REQUESTS_KEPT = 10_000


class Service(Protocol):
    """Simulate a service without sockets.

    `admit` returns the time at which a request may proceed. `respond` decides it.
    """

    def admit(self, request: Request, now: float, /) -> float: ...

    def respond(self, request: Request, now: float, /) -> Response: ...

    def state(self, now: float, /) -> dict[str, object]: ...


class Provider(Service, Protocol):
    """Simulate a provider at which merchants have accounts."""

    def put_account(self, name: str, value: object, /) -> None: ...

    def delete_account(self, name: str, /) -> bool: ...


class Simulation:
    """Hold the simulated services.

    A caller that uses the public members holds `lock`.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = Clock(self.lock)
        self.reset()

    def reset(self) -> None:
        """Delete everything: accounts, tokens, faults and requests. The clock returns to the machine's time."""
        with self.lock:
            self.fourthwall = Fourthwall()
            self.chicksx = Chicksx()
            self.shopify = Shopify(self.clock.now)
            self.issuer = Issuer()
            self.faults = FaultQueue()
            self.recorded_requests: deque[RecordedRequest] = deque(maxlen=REQUESTS_KEPT)
            self._seen = 0
            self.clock.reset()

    def provider(self, name: str) -> Provider:
        providers: dict[str, Provider] = {
            "fourthwall": self.fourthwall,
            "chicksx": self.chicksx,
            "shopify": self.shopify,
        }
        return providers[name]

    def service(self, name: str) -> Service:
        return self.issuer if name == "issuer" else self.provider(name)

    def refuses(self, name: str) -> bool:
        with self.lock:
            return self.faults.take_refusal(name)

    def receive(self, name: str, request: Request) -> tuple[InjectedFault | None, Callable[[], Response]]:
        """Record the request, and take the fault that waits for it.

        Returns the fault, and a function that lets the provider act.
        """
        with self.lock:
            # A request that is in flight during a reset still acts on the old services.
            service = self.service(name)
            fault = self.faults.take(name, request)
            self._seen += 1
            kind = None if fault is None else fault.kind
            record = RecordedRequest(self._seen, self.clock.now(), name, request, kind)
            self.recorded_requests.append(record)
        return None if fault is None else fault.injected, lambda: self._act(service, request, record)

    def _act(self, service: Service, request: Request, record: RecordedRequest) -> Response:
        with self.lock:
            turn = service.admit(request, self.clock.now())
        self.clock.wait_until(turn, self.stopping)
        with self.lock:
            response = service.respond(request, self.clock.now())
            record.acted, record.status = True, response.status
        return response

    def state(self) -> dict[str, object]:
        with self.lock:
            now = self.clock.now()
            return {
                "now": now,
                "faults": [fault.as_json() for fault in self.faults.waiting],
                **{name: self.service(name).state(now) for name in SERVICES},
            }
