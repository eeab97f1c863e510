"""Simulate Fourthwall's POST /open-api/v1.0/platform/token, the token endpoint of platform apps.

The request is form-encoded or JSON. A refresh token gives an access token for five minutes.
"""

from collections.abc import Iterable

from sandbox.http_server.messages import Request, Response, json_response, parse_parameters
from sandbox.simulators.fourthwall.accounts import ACCESS_SECONDS, Shop

PATH = "/open-api/v1.0/platform/token"


def grant(request: Request, shops: Iterable[Shop], now: float) -> Response:
    parameters = parse_parameters(request)
    if parameters.get("grant_type") != "refresh_token":
        return json_response(400, {"error": "unsupported_grant_type"})
    client = parameters.get("client_id"), parameters.get("client_secret")
    installed = [shop for shop in shops if (shop.account.client_id, shop.account.client_secret) == client]
    if None in client or not installed:
        return json_response(401, {"error": "invalid_client"})
    for shop in installed:
        access_token = shop.refresh(parameters.get("refresh_token", ""), now)
        if access_token is not None:
            answer = {"access_token": access_token, "refresh_token": shop.refresh_token, "expires_in": ACCESS_SECONDS}
            return json_response(200, answer)
    if installed[0].account.dead_refresh_response == "unauthorized":
        return json_response(401, {"code": "UNAUTHORIZED"})
    return json_response(400, {"error": "invalid_grant"})
