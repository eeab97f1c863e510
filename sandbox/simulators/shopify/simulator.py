"""Declare the simulated Shopify."""

import secrets
from collections.abc import Iterator

from sandbox.http_server.json_fields import Fields, json_body
from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.descriptor import DemoSecret, ProviderSimulator, Routes
from sandbox.simulators.shopify.admin_api import Shopify

_APP = "demo-app"


def _routes(shopify: Shopify) -> Routes:
    def plant(request: Request) -> Response:
        return json_response(201, {"tokens": shopify.plant(json_body(request))})

    def revoke_admin_tokens(request: Request) -> Response:
        return json_response(200, {"revoked": shopify.revoke_admin_tokens(request.query_value("account"))})

    def authorize(request: Request) -> Response:
        fields = Fields(json_body(request), "An authorization")
        name = fields.text("account")
        fields.finish()
        return json_response(201, {"refreshToken": shopify.authorize(name)})

    def revoke_pairs(request: Request) -> Response:
        return json_response(200, {"revoked": shopify.revoke_pairs(request.query_value("account"))})

    return {
        "/tokens": {"POST": plant},
        "/admin-tokens": {"DELETE": revoke_admin_tokens},
        "/pairs": {"POST": authorize, "DELETE": revoke_pairs},
    }


def _demo_secrets() -> Iterator[DemoSecret]:
    """Yield a merchant for each way to get an admin token.

    demo            a permanent admin token
    demo-oauth      a client id and secret, which are exchanged for a 24-hour token
    demo-classic    a permanent admin token, with the older, unversioned address
    demo-public     the refresh token of a public app
    demo-migration  a permanent token of the same app, which is migrated
    """
    client = {"clientId": secrets.token_hex(16), "clientSecret": _value("shpss")}
    yield DemoSecret("shopify-app", _APP, {"clientId": secrets.token_hex(16), "clientSecret": _value("shpss")})
    for merchant, credentials in {
        "demo": {"adminAccessToken": _value("shpat")},
        "demo-oauth": client,
        "demo-classic": {"adminAccessToken": _value("shpat"), "apiVersion": "unversioned"},
        "demo-public": {"app": _APP, "refreshToken": _value("shprt")},
        "demo-migration": {"app": _APP, "adminAccessToken": _value("shpat")},
    }.items():
        yield DemoSecret("shopify", merchant, {"shop": f"{merchant}.myshopify.com", **credentials})


def _value(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


SIMULATOR = ProviderSimulator(
    make=Shopify,
    routes=_routes,
    credential_headers=("x-shopify-access-token",),
    demo_secrets=_demo_secrets,
)
