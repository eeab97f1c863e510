"""Serve the control address: JSON over HTTP, for tests and the demo.

    PUT    /accounts/{provider}/{name}  create or replace an account (fields: README.md)   200 {"account"}
    DELETE /accounts/{provider}/{name}  delete the account and its tokens                  200 {"deleted"}
    POST   /faults                      {"provider","kind","times"?,"method"?,"pathContains"?,…}    201
    GET    /faults, DELETE /faults      list the waiting faults; delete them               200 {"faults"}
    GET    /requests[?provider=NAME]    list the requests, credentials as fingerprints     200 {"requests"}
    DELETE /requests                    delete the recorded requests                       200
    GET    /state                       valid tokens per account, counters, waiting faults 200
    GET    /clock, POST /clock          {"advance": seconds}; the clock only goes forward  200 {"now"}
    POST   /reset                       delete everything                                  200

Each service adds addresses below its name, such as /issuer/keys. README.md has them. Invalid input gives 400
{"error": "<a sentence>"}, an unknown address 404, a wrong method 405.
"""

from urllib.parse import unquote

from sandbox.http_server.json_fields import Fields, InputError, json_body
from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.descriptor import Provider, Routes
from sandbox.simulators.fault_queue import read_fault
from sandbox.simulators.simulation import Simulation

TEN_YEARS = 315_360_000


class Control:
    """Respond to control requests, each under the simulation's lock."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._routes: Routes = {
            "/faults": {"GET": self._list_faults, "POST": self._add_fault, "DELETE": self._forget_faults},
            "/requests": {"GET": self._list_requests, "DELETE": self._forget_requests},
            "/state": {"GET": lambda _: json_response(200, simulation.state())},
            "/clock": {"GET": lambda _: self._now(), "POST": self._advance},
            "/reset": {"POST": self._reset},
        }

    def respond(self, request: Request) -> Response:
        try:
            with self._simulation.lock:
                return self._dispatch(request)
        except InputError as fault:
            return json_response(400, {"error": str(fault)})

    def _dispatch(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.split("/")[1:]]
        if len(parts) == 3 and parts[0] == "accounts" and parts[2]:
            routes: Routes = {request.path: {"PUT": self._put_account, "DELETE": self._delete_account}}
        else:
            routes = {**self._routes, **self._services_routes()}
        methods = routes.get(request.path, {})
        if not methods:
            addresses = ", ".join(["/accounts/{provider}/{name}", *routes])
            return json_response(404, {"error": f"No such address; there are {addresses}."})
        if request.method not in methods:
            allowed = ", ".join(methods)
            return json_response(405, {"error": f"This address takes {allowed}."}, {"Allow": allowed})
        return methods[request.method](request)

    def _services_routes(self) -> Routes:
        """Return the addresses of the services as they are since the last reset."""
        return {
            f"/{name}{path}": methods
            for name, descriptor in self._simulation.descriptors.items()
            for path, methods in descriptor.routes(self._simulation.services[name]).items()
        }

    def _put_account(self, request: Request) -> Response:
        provider, name = self._account_address(request)
        provider.put_account(name, json_body(request))
        return json_response(200, {"account": name})

    def _delete_account(self, request: Request) -> Response:
        provider, name = self._account_address(request)
        return json_response(200, {"deleted": provider.delete_account(name)})

    def _add_fault(self, request: Request) -> Response:
        self._simulation.faults.add(read_fault(json_body(request), tuple(self._simulation.services)))
        return json_response(201, self._faults())

    def _list_faults(self, _request: Request) -> Response:
        return json_response(200, self._faults())

    def _forget_faults(self, _request: Request) -> Response:
        self._simulation.faults.waiting.clear()
        return json_response(200, self._faults())

    def _faults(self) -> dict[str, object]:
        return {"faults": [fault.as_json() for fault in self._simulation.faults.waiting]}

    def _list_requests(self, request: Request) -> Response:
        provider, services = request.query_value("provider"), self._simulation.services
        if provider not in (None, *services):
            raise InputError(f"provider must be one of {', '.join(services)}.")
        hidden = self._simulation.credential_headers
        wanted = [each for each in self._simulation.recorded_requests if provider in (None, each.provider)]
        seen = [each.as_json(hidden) for each in wanted]
        return json_response(200, {"requests": seen})

    def _forget_requests(self, _request: Request) -> Response:
        self._simulation.recorded_requests.clear()
        return json_response(200, {"requests": []})

    def _now(self) -> Response:
        return json_response(200, {"now": self._simulation.clock.now()})

    def _advance(self, request: Request) -> Response:
        fields = Fields(json_body(request), "A clock change")
        seconds = fields.number("advance", None, 0, TEN_YEARS)
        fields.finish()
        self._simulation.clock.advance(seconds)
        return self._now()

    def _reset(self, _request: Request) -> Response:
        self._simulation.reset()
        return json_response(200, {"reset": True})

    def _account_address(self, request: Request) -> tuple[Provider, str]:
        provider, name = (unquote(part) for part in request.path.split("/")[2:4])
        known = self._simulation.providers
        if provider not in known:
            raise InputError(f"There is no such provider; there are {', '.join(known)}.")
        return known[provider], name
