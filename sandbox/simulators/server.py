"""Start and stop the listeners of one simulation together."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from sandbox.http_server.listener import Listener
from sandbox.simulators.control import Control
from sandbox.simulators.simulation import Simulation

PROVIDER_BODY_LIMIT = 2 * 1024 * 1024
CONTROL_BODY_LIMIT = 16 * 1024 * 1024
POLL_SECONDS = 0.02


class PortBusyError(OSError):
    """Report that a wanted port is not free. The text names its service and the port."""


@dataclass(frozen=True)
class Ports:
    """Hold the wanted ports. 0 takes a free port."""

    fourthwall: int = 0
    chicksx: int = 0
    shopify: int = 0
    issuer: int = 0
    control: int = 0


@dataclass(frozen=True)
class Addresses:
    """Hold the base URLs as the provider clients expect them.

    ChicksX's ends with /v1. `issuer` is the OIDC issuer's.
    """

    fourthwall: str
    chicksx: str
    shopify: str
    issuer: str
    control: str


@contextmanager
def running_simulators(ports: Ports = Ports()) -> Iterator[Addresses]:
    """Serve a new simulation from threads of this process until the block ends.

    Raises `PortBusyError`.
    """
    simulation = Simulation()
    control = Control(simulation)
    with ExitStack() as listeners:

        def listen(name: str, port: int) -> str:
            try:
                listener = _listener(simulation, control, name, port)
            except OSError as fault:
                raise PortBusyError(f"Port {port} for {name} can't be listened on: {fault.strerror}.") from None
            thread = threading.Thread(target=listener.serve_forever, args=(POLL_SECONDS,), name=f"{name} simulator")
            thread.start()
            listeners.callback(thread.join)
            listeners.callback(listener.stop)
            return listener.origin

        try:
            yield Addresses(
                fourthwall=listen("fourthwall", ports.fourthwall),
                chicksx=listen("chicksx", ports.chicksx) + "/v1",
                shopify=listen("shopify", ports.shopify),
                issuer=listen("issuer", ports.issuer),
                control=listen("control", ports.control),
            )
        finally:
            simulation.stopping.set()


def _listener(simulation: Simulation, control: Control, name: str, port: int) -> Listener:
    if name == "control":
        return Listener(
            port,
            receive=lambda request: (None, lambda: control.respond(request)),
            refuses=lambda: False,
            stopping=simulation.stopping,
            body_limit=CONTROL_BODY_LIMIT,
        )
    return Listener(
        port,
        receive=partial(simulation.receive, name),
        refuses=partial(simulation.refuses, name),
        stopping=simulation.stopping,
        body_limit=PROVIDER_BODY_LIMIT,
    )
