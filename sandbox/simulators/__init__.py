"""Simulators of Fourthwall, ChicksX and Shopify: one HTTP server process, exact to the providers' contracts.

`running_simulators()` serves from this process, `python -m sandbox.simulators` from one of its own;
`ControlClient` steers either. README.md has the control API and the ways in which answers can be made to
fail.
"""

from sandbox.control_address import ControlError
from sandbox.simulators.control_client import ControlClient
from sandbox.simulators.server import Addresses, PortBusyError, Ports, running_simulators

__all__ = ["Addresses", "ControlClient", "ControlError", "PortBusyError", "Ports", "running_simulators"]
