"""How a control address is spoken to, the simulators' and the fault proxy's. Standard library only."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10


class ControlError(Exception):
    """The control address said no; the text is its sentence."""


class ControlAddress:
    """Each call is one request on a connection of its own, so this may be shared by threads."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc

    def call(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """The JSON answer. Raises ControlError on any status but 200 and 201, OSError if nobody answers."""
        connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT_SECONDS)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status not in (200, 201):
            raise ControlError(answer.get("error", f"status {response.status}"))
        return answer
