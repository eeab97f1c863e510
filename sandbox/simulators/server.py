"""Start and stop the listeners of one simulation together."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from types import MappingProxyType

from sandbox.http_server.listener import Listener
from sandbox.simulators.control import Control
from sandbox.simulators.simulation import Simulation

PROVIDER_BODY_LIMIT = 2 * 1024 * 1024
CONTROL_BODY_LIMIT = 16 * 1024 * 1024
POLL_SECONDS = 0.02


class PortBusyError(OSError):
    """Report that a wanted port is not free. The text names its service and the port."""


#: A base URL for each service's name as the clients of the service expect it, and for `control`.
type Addresses = Mapping[str, str]


@contextmanager
def running_simulators(ports: Mapping[str, int] = MappingProxyType({})) -> Iterator[Addresses]:
    """Serve a new simulation from threads of this process until the block ends.

    `ports` are the wanted ports by the names of `Addresses`. Each other service gets a free port. Raises
    `PortBusyError` for a port that is taken, and `StackError` for a service that cannot be made.
    """
    simulation = Simulation()
    control = Control(simulation)
    with ExitStack() as listeners:

        def listen(name: str) -> str:
            port = ports.get(name, 0)
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
            addresses = {name: listen(name) + each.path for name, each in simulation.descriptors.items()}
            yield {**addresses, "control": listen("control")}
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
