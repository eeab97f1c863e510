"""Simulate the providers in one HTTP server process, exact to the providers' contracts.

`running_simulators()` serves from this process, and `python -m sandbox.simulators` from its own process.
`ControlClient` controls both. README.md has the control API and the faults that it can inject.
"""

from sandbox.control_address import ControlError
from sandbox.simulators.control_client import ControlClient
from sandbox.simulators.server import Addresses, PortBusyError, running_simulators

__all__ = ["Addresses", "ControlClient", "ControlError", "PortBusyError", "running_simulators"]
