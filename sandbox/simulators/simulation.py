"""Simulate the providers and an issuer, with one clock, a fault queue and a request log, under one lock."""

import threading
from collections import deque
from collections.abc import Callable

from sandbox.errors import StackError
from sandbox.http_server.faults.injected_fault import InjectedFault
from sandbox.http_server.messages import Request, Response
from sandbox.simulators.clock import Clock
from sandbox.simulators.descriptor import Now, Provider, Service, providers, simulators
from sandbox.simulators.fault_queue import FaultQueue
from sandbox.simulators.request_log import RecordedRequest

REQUESTS_KEPT = 10_000


class Simulation:
    """Hold the simulated services.

    A caller that uses the public members holds `lock`.
    """

    def __init__(self) -> None:
        self.descriptors = simulators()
        self.credential_headers = {
            name.lower() for each in self.descriptors.values() for name in each.credential_headers
        }
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = Clock(self.lock)
        self.reset()

    def reset(self) -> None:
        """Delete everything: accounts, tokens, faults and requests. The clock returns to the machine's time.

        Raises `StackError` if a service cannot be made.
        """
        with self.lock:
            made = {name: self._made(name, each.make) for name, each in providers().items()}
            others = {name: each for name, each in self.descriptors.items() if name not in made}
            self.providers: dict[str, Provider] = made
            self.services: dict[str, Service] = made | {
                name: self._made(name, each.make) for name, each in others.items()
            }
            self.faults = FaultQueue()
            self.recorded_requests: deque[RecordedRequest] = deque(maxlen=REQUESTS_KEPT)
            self._seen = 0
            self.clock.reset()

    def _made[S](self, name: str, make: Callable[[Now], S]) -> S:
        try:
            return make(self.clock.now)
        except Exception as fault:
            where = f"sandbox/simulators/{name}/simulator.py"
            raise StackError(f"{where}: the field make of SIMULATOR fails. {type(fault).__name__}: {fault}") from fault

    def refuses(self, name: str) -> bool:
        with self.lock:
            return self.faults.take_refusal(name)

    def receive(self, name: str, request: Request) -> tuple[InjectedFault | None, Callable[[], Response]]:
        """Record the request, and take the fault that waits for it.

        Returns the fault, and a function that lets the provider act.
        """
        with self.lock:
            # A request that is in flight during a reset still acts on the old services.
            service = self.services[name]
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
                **{name: service.state(now) for name, service in self.services.items()},
            }
