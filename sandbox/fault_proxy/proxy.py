"""Record a call, find its fault, and forward it to AWS."""

import http.client
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.fault_proxy.calls import Call, call_of
from sandbox.http_server.faults.injected_fault import InjectedFault
from sandbox.http_server.messages import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.fault_proxy.faults import Fault

CALLS_KEPT = 20_000
UPSTREAM_SECONDS = 30.0
#: Headers of one connection, and those that the listener writes itself.
_CONNECTION_HEADERS = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "date"}
)


class FaultProxy:
    """Hold the proxy's state.

    A caller that uses the public members holds `lock`.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.upstream = ""
        self.faults: list[Fault] = []
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._seen = 0

    def receive(self, request: Request) -> tuple[InjectedFault | None, Callable[[], Response]]:
        """Return the fault that the call gets, and a function that forwards the call to AWS."""
        with self.lock:
            self._seen += 1
            call = call_of(self._seen, request)
            self.calls.append(call)
            fault = next((each for each in self.faults if each.applies_to(call)), None)
            if fault is None:
                return None, lambda: self._forward(call, request)
            call.fault = fault.kind
            return fault.effect_on(call), lambda: self._forward(call, request)

    def _forward(self, call: Call, request: Request) -> Response:
        """Forward the call unchanged, with its signed Host header."""
        call.forwarded = True
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name not in _CONNECTION_HEADERS:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as failure:
            return json_response(502, {"error": f"AWS did not respond: {type(failure).__name__}."})
        finally:
            connection.close()
        call.status = response.status
        headers = {name: value for name, value in response.getheaders() if name.lower() not in _CONNECTION_HEADERS}
        return Response(response.status, headers, body)
