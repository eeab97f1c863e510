"""A client of the fault proxy's control address. Standard library only."""

from typing import Any
from urllib.parse import quote

from sandbox.control_address import ControlAddress


class FaultProxyClient(ControlAddress):
    """What README.md lists, call by call."""

    def set_upstream(self, url: str) -> None:
        """Where AWS is."""
        self.call("PUT", "/upstream", {"url": url})

    def fault(self, kind: str, **fields: object) -> None:
        """Spoil calls, as README.md says."""
        self.call("POST", "/faults", {"kind": kind, **fields})

    def clear_faults(self, contains: str = "") -> None:
        """Forget the faults that were for calls with that in their body; all of them, without it."""
        self.call("DELETE", f"/faults?contains={quote(contains, safe='')}")

    def calls(self, contains: str = "") -> list[dict[str, Any]]:
        """The calls with that in their body, the oldest first: number, service, operation, fault, forwarded, status."""
        return list(self.call("GET", f"/calls?contains={quote(contains, safe='')}")["calls"])

    def clear_calls(self) -> None:
        """Of the calls, all."""
        self.call("DELETE", "/calls")
