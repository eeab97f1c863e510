"""A proxy between the stack's functions and the emulated AWS, which notes each call and spoils those it is told to.

`python -m sandbox.fault_proxy` runs it in a process of its own, `FaultProxyClient` steers it; README.md has its control
address and the faults.
"""

from sandbox.fault_proxy.client import FaultProxyClient
from sandbox.fault_proxy.faults import KINDS

__all__ = ["KINDS", "FaultProxyClient"]
