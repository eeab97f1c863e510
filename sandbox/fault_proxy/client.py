"""A client of the fault proxy's control address. Standard library only."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 10


class FaultProxyClient:
    """Each call is one request on a connection of its own, so the client may be shared by threads."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc

    def point_at(self, url: str) -> None:
        """Where AWS is."""
        self._ask("PUT", "/upstream", {"url": url})

    def fault(self, kind: str, **fields: object) -> None:
        """Spoil calls, as README.md says."""
        self._ask("POST", "/faults", {"kind": kind, **fields})

    def lift(self, contains: str = "") -> None:
        """Forget the faults that were for calls with that in their body; all of them, without it."""
        self._ask("DELETE", f"/faults?contains={quote(contains, safe='')}")

    def calls(self, contains: str = "") -> list[dict[str, Any]]:
        """The calls with that in their body, the oldest first: number, service, operation, fault, forwarded, status."""
        return list(self._ask("GET", f"/calls?contains={quote(contains, safe='')}")["calls"])

    def forget(self) -> None:
        """Of the calls, all."""
        self._ask("DELETE", "/calls")

    def _ask(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """The JSON answer. Raises ValueError on a refusal, OSError if nobody answers."""
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status not in (200, 201):
            raise ValueError(answer.get("error", f"status {response.status}"))
        return answer
