"""Declare the simulated Fourthwall."""

import secrets
from collections.abc import Iterator

from sandbox.http_server.json_fields import Fields, InputError, json_body
from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.descriptor import DemoSecret, ProviderSimulator, Routes
from sandbox.simulators.fourthwall.open_api import Fourthwall


def _routes(fourthwall: Fourthwall) -> Routes:
    def renew(request: Request) -> Response:
        fields = Fields(json_body(request), "A new Fourthwall token")
        name = fields.text("account")
        fields.finish()
        if not fourthwall.renew_token(name):
            raise InputError(f"There is no Fourthwall account {name}; put it first.")
        return json_response(201, {"account": name})

    return {"/tokens": {"POST": renew}}


def _demo_secrets() -> Iterator[DemoSecret]:
    credentials = {"username": f"fw_api_{secrets.token_hex(16)}", "password": secrets.token_hex(16)}
    yield DemoSecret("fourthwall", "demo", credentials)


SIMULATOR = ProviderSimulator(make=lambda _now: Fourthwall(), routes=_routes, demo_secrets=_demo_secrets)
