"""Describe the simulated services, and find them.

Each folder of this package is a simulated service, which has the folder's name. Its `simulator.py` declares what the
service is as `SIMULATOR`. A further service needs no line elsewhere in the sandbox.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sandbox.descriptors import named_folders, read_descriptor
from sandbox.http_server.messages import Request, Response

#: A service's name is a member of the ready file and of the simulation's state, which have these members, too.
RESERVED = frozenset({"control", "faults", "now", "pid"})

#: The methods of each address.
type Routes = Mapping[str, Mapping[str, Callable[[Request], Response]]]
type Now = Callable[[], float]


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


@dataclass(frozen=True)
class DemoSecret:
    """Hold a demo merchant's secret, or one that merchants share. `folder` is the part of its name before `name`."""

    folder: str
    name: str
    fields: Mapping[str, Any]


def _no_routes(_service: Any) -> Routes:
    return {}


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """Describe a simulated service.

    `make` gets the simulators' time. `routes` returns the addresses that the service adds to the control address, below
    its name. `path` ends its base URL. The values of its `credential_headers` are never shown.
    """

    make: Callable[[Now], Service]
    routes: Callable[[Any], Routes] = _no_routes
    path: str = ""
    credential_headers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProviderSimulator(Simulator):
    """Describe a simulated provider. `demo_secrets` returns new secrets of the demo merchants.

    The stack gets its address by the parameter `{Name}BaseUrl`, or from the variable `{NAME}_BASE_URL`.
    """

    make: Callable[[Now], Provider]
    demo_secrets: Callable[[], Iterable[DemoSecret]]


@cache
def simulators(package: str = "sandbox.simulators") -> Mapping[str, Simulator]:
    """Return each simulated service by its name, the providers first.

    Raises `StackError` with a sentence that names the file, and the field that is missing or wrong.
    """
    found = {
        folder.name: read_descriptor(
            folder / "simulator.py", f"{package}.{folder.name}.simulator", "SIMULATOR", Simulator
        )
        for folder in named_folders(package, RESERVED)
    }
    others = {name: each for name, each in found.items() if not isinstance(each, ProviderSimulator)}
    return {name: each for name, each in found.items() if name not in others} | others


def providers() -> Mapping[str, ProviderSimulator]:
    """Return each simulated provider by its name. Raises `StackError` like `simulators`."""
    return {name: each for name, each in simulators().items() if isinstance(each, ProviderSimulator)}
