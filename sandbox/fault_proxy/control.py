"""Serve the control address: JSON over HTTP.

    PUT    /upstream             {"url"}: the address of AWS                    200 {"url"}
    POST   /faults               {"kind", …}, as README.md says                 201
    DELETE /faults[?contains=X]  delete the faults for X, or all                200
    GET    /calls[?contains=X]   calls with X in their body, the oldest first   200 {"calls"}
    DELETE /calls                delete the recorded calls                      200

Invalid input gives 400 {"error": "<a sentence>"}, an unknown address 404.
"""

import re

from sandbox.fault_proxy.faults import read_fault
from sandbox.fault_proxy.proxy import FaultProxy
from sandbox.http_server.json_fields import Fields, InputError, json_body
from sandbox.http_server.messages import Request, Response, json_response

#: The upstream must be on this machine.
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d{1,5}")


class Control:
    """Respond to control requests, each under the proxy's lock."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy
        self._routes = {
            ("PUT", "/upstream"): self._set_upstream,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/calls"): self._calls,
            ("DELETE", "/calls"): self._clear_calls,
        }

    def respond(self, request: Request) -> Response:
        route = self._routes.get((request.method, request.path))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return json_response(404, {"error": f"No such address; there are {known}."})
        try:
            with self._proxy.lock:
                return route(request)
        except InputError as fault:
            return json_response(400, {"error": str(fault)})

    def _set_upstream(self, request: Request) -> Response:
        fields = Fields(json_body(request), "The upstream")
        url = fields.text("url")
        fields.finish()
        if not _LOOPBACK.fullmatch(url):
            raise InputError("The upstream: url must be http on 127.0.0.1, with a port and no path.")
        self._proxy.upstream = url
        return json_response(200, {"url": url})

    def _add_fault(self, request: Request) -> Response:
        self._proxy.faults.append(read_fault(json_body(request)))
        return json_response(201, {})

    def _clear_faults(self, request: Request) -> Response:
        wanted = _wanted(request)
        for each in [each for each in self._proxy.faults if wanted in (b"", each.contains)]:
            self._proxy.faults.remove(each)
            each.deleted.set()
        return json_response(200, {})

    def _calls(self, request: Request) -> Response:
        wanted = _wanted(request)
        return json_response(200, {"calls": [each.as_json() for each in self._proxy.calls if wanted in each.body]})

    def _clear_calls(self, _request: Request) -> Response:
        self._proxy.calls.clear()
        return json_response(200, {})


def _wanted(request: Request) -> bytes:
    return (request.query_value("contains") or "").encode()
