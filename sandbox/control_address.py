"""Call a control address of the simulators or of the fault proxy. It needs the standard library only."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10


class ControlError(Exception):
    """Report that the control address rejected a request. The text is its sentence."""


class ControlAddress:
    """Call one control address.

    Each call is one request on its own connection, so threads can share an object.
    """

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc

    def call(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """Return the JSON response.

        Raises `ControlError` on any status but 200 and 201, and `OSError` if nothing responds.
        """
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            received: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status not in (200, 201):
            raise ControlError(received.get("error", f"status {response.status}"))
        return received
