"""Declare the simulated OpenID Connect issuer."""

from sandbox.http_server.json_fields import json_body
from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.descriptor import Routes, Simulator
from sandbox.simulators.issuer.issuer import Issuer


def _routes(issuer: Issuer) -> Routes:
    def show(_request: Request) -> Response:
        return json_response(200, {"keys": issuer.keys()})

    def rotate(request: Request) -> Response:
        return json_response(201, {"kid": issuer.rotate(json_body(request))})

    def withdraw(request: Request) -> Response:
        return json_response(200, {"withdrawn": issuer.withdraw(request.query_value("kid"))})

    def sign(request: Request) -> Response:
        return json_response(201, issuer.sign(json_body(request)))

    return {"/keys": {"GET": show, "POST": rotate, "DELETE": withdraw}, "/tokens": {"POST": sign}}


SIMULATOR = Simulator(make=lambda _now: Issuer(), routes=_routes)
