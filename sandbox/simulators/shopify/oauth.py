"""Simulate Shopify's POST /admin/oauth/access_token, which exchanges a client id and secret for a 24-hour admin token.

The request is form-encoded or JSON. A grant is {"access_token": "shpat_…", "scope": "…", "expires_in": 86399}. An error
is 400 {"error": "invalid_client", "error_description": "Client authentication failed"}.
"""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl

from sandbox.http_server.messages import JSON_TYPE, Request, Response, json_response, parse_json
from sandbox.simulators.shopify.accounts import Installation

PATH = "/admin/oauth/access_token"
LIFETIME_SECONDS = 86_399


def exchange(request: Request, installations: Iterable[Installation], now: float) -> Response:
    """Return the response of an exchange.

    `installations` are those of the requested shop, or all if the shop is unknown.
    """
    parameters = _parameters(request)
    if parameters.get("grant_type") != "client_credentials":
        return _error("unsupported_grant_type", "The grant type is not supported")
    matches = [
        installation
        for installation in installations
        if installation.account.client_id is not None
        and installation.account.client_id == parameters.get("client_id")
        and installation.account.client_secret == parameters.get("client_secret")
    ]
    if not matches:
        return _error("invalid_client", "Client authentication failed")
    if len(matches) > 1:
        return _error("invalid_request", "Several shops have this app: send a *.myshopify.com Host")
    [installation] = matches
    token = f"shpat_{secrets.token_hex(16)}"
    installation.admin_tokens[token] = now + LIFETIME_SECONDS
    installation.exchanges += 1
    scope = ",".join(installation.account.access_scopes)
    return json_response(200, {"access_token": token, "scope": scope, "expires_in": LIFETIME_SECONDS})


def _parameters(request: Request) -> dict[str, object]:
    try:
        if request.media_type == JSON_TYPE:
            body = parse_json(request.body)
            return body if isinstance(body, dict) else {}
        return dict(parse_qsl(request.body.decode()))
    except ValueError:
        return {}


def _error(error: str, description: str) -> Response:
    return json_response(400, {"error": error, "error_description": description})
