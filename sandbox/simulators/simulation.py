"""The simulated world: three providers, one clock, the waiting faults, what was seen; all under one lock."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sandbox.simulators.chicksx import Chicksx
from sandbox.simulators.clock import Clock
from sandbox.simulators.faults import FaultQueue
from sandbox.simulators.fourthwall import Fourthwall
from sandbox.simulators.messages import Request, Response
from sandbox.simulators.misbehaviour import Misbehaviour
from sandbox.simulators.shopify import Shopify
from sandbox.simulators.sightings import Sighting

PROVIDERS = ("fourthwall", "chicksx", "shopify")
SIGHTINGS_KEPT = 10_000


class Provider(Protocol):
    """A provider's logic, without sockets. `admit` says when a request's turn comes, `answer` decides it."""

    def put_account(self, name: str, value: object, /) -> None: ...

    def delete_account(self, name: str, /) -> bool: ...

    def admit(self, request: Request, now: float, /) -> float: ...

    def answer(self, request: Request, now: float, /) -> Response: ...

    def state(self, now: float, /) -> dict[str, object]: ...


class Simulation:
    """Hold `lock` around anything that reads or changes the public parts from outside."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = Clock(self.lock)
        self.reset()

    def reset(self) -> None:
        """Forget everything: accounts, tokens, faults, requests and the moved clock."""
        with self.lock:
            self.fourthwall = Fourthwall()
            self.chicksx = Chicksx()
            self.shopify = Shopify()
            self.faults = FaultQueue()
            self.sightings: deque[Sighting] = deque(maxlen=SIGHTINGS_KEPT)
            self._seen = 0
            self.clock.reset()

    def provider(self, name: str) -> Provider:
        providers: dict[str, Provider] = {
            "fourthwall": self.fourthwall,
            "chicksx": self.chicksx,
            "shopify": self.shopify,
        }
        return providers[name]

    def refuses(self, name: str) -> bool:
        with self.lock:
            return self.faults.take_refusal(name)

    def receive(self, name: str, request: Request) -> tuple[Misbehaviour | None, Callable[[], Response]]:
        """Note the request and take the fault that waits for it; the second part has the provider act."""
        with self.lock:
            # A request that is still under way when everything is reset acts on the world it came into.
            provider = self.provider(name)
            fault = self.faults.take(name, request)
            self._seen += 1
            kind = None if fault is None else fault.kind
            sighting = Sighting(self._seen, self.clock.now(), name, request, kind)
            self.sightings.append(sighting)
        return None if fault is None else fault.misbehaviour, lambda: self._act(provider, request, sighting)

    def _act(self, provider: Provider, request: Request, sighting: Sighting) -> Response:
        with self.lock:
            turn = provider.admit(request, self.clock.now())
        self.clock.wait_until(turn, self.stopping)
        with self.lock:
            answer = provider.answer(request, self.clock.now())
            sighting.acted, sighting.status = True, answer.status
        return answer

    def state(self) -> dict[str, object]:
        with self.lock:
            now = self.clock.now()
            return {
                "now": now,
                "faults": [fault.as_json() for fault in self.faults.waiting],
                **{name: self.provider(name).state(now) for name in PROVIDERS},
            }
