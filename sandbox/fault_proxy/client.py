"""Call the fault proxy's control address. It needs the standard library only."""

from typing import Any
from urllib.parse import quote

from sandbox.control_address import ControlAddress


class FaultProxyClient(ControlAddress):
    """Call each address that README.md lists."""

    def set_upstream(self, url: str) -> None:
        """Set the address of AWS."""
        self.call("PUT", "/upstream", {"url": url})

    def fault(self, kind: str, **fields: object) -> None:
        """Inject a fault into calls, as README.md describes."""
        self.call("POST", "/faults", {"kind": kind, **fields})

    def clear_faults(self, contains: str = "") -> None:
        """Delete the faults with exactly this `contains`, or all faults."""
        self.call("DELETE", f"/faults?contains={quote(contains, safe='')}")

    def calls(self, contains: str = "") -> list[dict[str, Any]]:
        """Return the calls with this text in their body, the oldest first.

        Each has number, service, operation, fault, forwarded, status and digest.
        """
        return list(self.call("GET", f"/calls?contains={quote(contains, safe='')}")["calls"])

    def clear_calls(self) -> None:
        """Delete the recorded calls."""
        self.call("DELETE", "/calls")
