"""The proxy without its sockets: it notes a call, takes the fault that applies_to it, and passes it on."""

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
#: Of one connection, not of the message; what the listener writes itself is among them.
_OF_A_CONNECTION = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length", "date"}
)


class FaultProxy:
    """Hold `lock` around whatever reads or changes the public parts."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.upstream = ""
        self.faults: list[Fault] = []
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._seen = 0

    def receive(self, request: Request) -> tuple[InjectedFault | None, Callable[[], Response]]:
        """The harm that the call meets, and how AWS is asked."""
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
        """The call as it came, its Host header too: that one is signed."""
        call.forwarded = True
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name not in _OF_A_CONNECTION:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as failure:
            return json_response(502, {"error": f"AWS did not answer: {type(failure).__name__}."})
        finally:
            connection.close()
        call.status = answer.status
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OF_A_CONNECTION}
        return Response(answer.status, headers, body)
