"""Run a proxy between the stack's functions and the emulated AWS. It records calls and injects faults.

`python -m sandbox.fault_proxy` runs it in its own process, and `FaultProxyClient` controls it. README.md has its
control address and the faults.
"""

from sandbox.fault_proxy.client import FaultProxyClient
from sandbox.fault_proxy.faults import KINDS, READ_KINDS

__all__ = ["KINDS", "READ_KINDS", "FaultProxyClient"]
