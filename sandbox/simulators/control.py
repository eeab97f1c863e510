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
    POST   /shopify/tokens              plant {"account","title"?,"count"?,"id"?,…}        201 {"tokens"}
    DELETE /shopify/admin-tokens[?account=NAME]  end obtained admin tokens                 200 {"revoked"}
    POST   /shopify/pairs               {"account"}: authorize the app again               201 {"refreshToken"}
    DELETE /shopify/pairs[?account=NAME]  end expiring tokens, access and refresh          200 {"revoked"}
    POST   /fourthwall/tokens           {"account"}: replace the shop's token              201
    POST   /chicksx/orders              {"sessionId","account"?}: place the order          201
    GET    /issuer/keys                 kid, algorithm, public key, whether in the JWKS    200 {"keys"}
    POST   /issuer/keys                 {"alg"?,"kid"?,"published"?}: sign by a new key    201 {"kid"}
    DELETE /issuer/keys[?kid=KID]       remove one key, or all, from the JWKS              200 {"withdrawn"}
    POST   /issuer/tokens               sign {"claims","alg"?,"kid"?,"headers"?}           201 {"token","kid"}

Invalid input gives 400 {"error": "<a sentence>"}, an unknown address 404, a wrong method 405.
"""

from collections.abc import Callable
from urllib.parse import parse_qs, unquote

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import Request, Response, json_response, parse_json
from sandbox.simulators.fault_queue import read_fault
from sandbox.simulators.simulation import PROVIDERS, SERVICES, Simulation

TEN_YEARS = 315_360_000

type Methods = dict[str, Callable[[Request], Response]]


class Control:
    """Respond to control requests, each under the simulation's lock."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._routes: dict[str, Methods] = {
            "/faults": {"GET": self._list_faults, "POST": self._add_fault, "DELETE": self._forget_faults},
            "/requests": {"GET": self._list_requests, "DELETE": self._forget_requests},
            "/state": {"GET": lambda _: json_response(200, simulation.state())},
            "/clock": {"GET": lambda _: self._now(), "POST": self._advance},
            "/reset": {"POST": self._reset},
            "/shopify/tokens": {"POST": self._plant},
            "/shopify/admin-tokens": {"DELETE": self._revoke_admin_tokens},
            "/shopify/pairs": {"POST": self._authorize, "DELETE": self._revoke_pairs},
            "/fourthwall/tokens": {"POST": self._renew_fourthwall},
            "/chicksx/orders": {"POST": self._place_order},
            "/issuer/keys": {"GET": self._list_keys, "POST": self._rotate_key, "DELETE": self._withdraw_key},
            "/issuer/tokens": {"POST": self._sign},
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
            methods: Methods = {"PUT": self._put_account, "DELETE": self._delete_account}
        else:
            methods = self._routes.get(request.path, {})
        if not methods:
            addresses = ", ".join(["/accounts/{provider}/{name}", *self._routes])
            return json_response(404, {"error": f"No such address; there are {addresses}."})
        if request.method not in methods:
            allowed = ", ".join(methods)
            return json_response(405, {"error": f"This address takes {allowed}."}, {"Allow": allowed})
        return methods[request.method](request)

    def _put_account(self, request: Request) -> Response:
        provider, name = _account_address(request)
        self._simulation.provider(provider).put_account(name, _body(request))
        return json_response(200, {"account": name})

    def _delete_account(self, request: Request) -> Response:
        provider, name = _account_address(request)
        return json_response(200, {"deleted": self._simulation.provider(provider).delete_account(name)})

    def _add_fault(self, request: Request) -> Response:
        self._simulation.faults.add(read_fault(_body(request), SERVICES))
        return json_response(201, self._faults())

    def _list_faults(self, _request: Request) -> Response:
        return json_response(200, self._faults())

    def _forget_faults(self, _request: Request) -> Response:
        self._simulation.faults.waiting.clear()
        return json_response(200, self._faults())

    def _faults(self) -> dict[str, object]:
        return {"faults": [fault.as_json() for fault in self._simulation.faults.waiting]}

    def _list_requests(self, request: Request) -> Response:
        provider = _query(request, "provider")
        if provider not in (None, *SERVICES):
            raise InputError(f"provider must be one of {', '.join(SERVICES)}.")
        seen = [each.as_json() for each in self._simulation.recorded_requests if provider in (None, each.provider)]
        return json_response(200, {"requests": seen})

    def _forget_requests(self, _request: Request) -> Response:
        self._simulation.recorded_requests.clear()
        return json_response(200, {"requests": []})

    def _now(self) -> Response:
        return json_response(200, {"now": self._simulation.clock.now()})

    def _advance(self, request: Request) -> Response:
        fields = Fields(_body(request), "A clock change")
        seconds = fields.number("advance", None, 0, TEN_YEARS)
        fields.finish()
        self._simulation.clock.advance(seconds)
        return self._now()

    def _reset(self, _request: Request) -> Response:
        self._simulation.reset()
        return json_response(200, {"reset": True})

    def _plant(self, request: Request) -> Response:
        tokens = self._simulation.shopify.plant(_body(request), self._simulation.clock.now())
        return json_response(201, {"tokens": tokens})

    def _revoke_admin_tokens(self, request: Request) -> Response:
        return json_response(200, {"revoked": self._simulation.shopify.revoke_admin_tokens(_query(request, "account"))})

    def _authorize(self, request: Request) -> Response:
        fields = Fields(_body(request), "An authorization")
        name = fields.text("account")
        fields.finish()
        return json_response(201, {"refreshToken": self._simulation.shopify.authorize(name)})

    def _revoke_pairs(self, request: Request) -> Response:
        return json_response(200, {"revoked": self._simulation.shopify.revoke_pairs(_query(request, "account"))})

    def _renew_fourthwall(self, request: Request) -> Response:
        fields = Fields(_body(request), "A new Fourthwall token")
        name = fields.text("account")
        fields.finish()
        if not self._simulation.fourthwall.renew_token(name):
            raise InputError(f"There is no Fourthwall account {name}; put it first.")
        return json_response(201, {"account": name})

    def _place_order(self, request: Request) -> Response:
        fields = Fields(_body(request), "An order")
        session_id, name = fields.text("sessionId"), fields.optional_text("account")
        fields.finish()
        if not self._simulation.chicksx.place_order(session_id, name):
            raise InputError(f"There is no ChicksX account {name}; put it first, or leave account out.")
        return json_response(201, {"sessionId": session_id})

    def _list_keys(self, _request: Request) -> Response:
        return json_response(200, {"keys": self._simulation.issuer.keys()})

    def _rotate_key(self, request: Request) -> Response:
        return json_response(201, {"kid": self._simulation.issuer.rotate(_body(request))})

    def _withdraw_key(self, request: Request) -> Response:
        return json_response(200, {"withdrawn": self._simulation.issuer.withdraw(_query(request, "kid"))})

    def _sign(self, request: Request) -> Response:
        return json_response(201, self._simulation.issuer.sign(_body(request)))


def _account_address(request: Request) -> tuple[str, str]:
    provider, name = (unquote(part) for part in request.path.split("/")[2:4])
    if provider not in PROVIDERS:
        raise InputError(f"There is no such provider; there are {', '.join(PROVIDERS)}.")
    return provider, name


def _body(request: Request) -> object:
    try:
        return parse_json(request.body)
    except ValueError:
        raise InputError("The body must be JSON in UTF-8.") from None


def _query(request: Request, name: str) -> str | None:
    values = parse_qs(request.query).get(name)
    return values[0] if values else None
