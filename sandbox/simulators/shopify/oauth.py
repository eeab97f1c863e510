"""Simulate Shopify's POST /admin/oauth/access_token, the token endpoint of an app on a shop.

The request is form-encoded or JSON. Client credentials give an admin token for 24 hours. A refresh token gives a pair
of an access token for an hour and a new refresh token for 90 days. The exchange of a permanent admin token gives such
a pair, too. An error is {"error", "error_description"}.
"""

import secrets
from collections.abc import Callable, Sequence

from sandbox.http_server.messages import Request, Response, json_response, parse_parameters
from sandbox.simulators.shopify.accounts import Account
from sandbox.simulators.shopify.expiring_tokens import Pair
from sandbox.simulators.shopify.installations import Installation

PATH = "/admin/oauth/access_token"
CLIENT_CREDENTIALS_SECONDS = 86_399
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"

type Parameters = dict[str, str]


def grant(request: Request, installations: Sequence[Installation], now: float) -> Response:
    """Return the response of a grant.

    `installations` are those of the requested shop, or all if the shop is unknown.
    """
    parameters = parse_parameters(request)
    respond = _GRANTS.get(parameters.get("grant_type", ""))
    if respond is None:
        return _error("unsupported_grant_type", "The grant type is not supported")
    matches = [each for each in installations if _is_client(each.account, parameters)]
    return respond(parameters, matches, now) if matches else _error("invalid_client", "Client authentication failed")


def _client_credentials(_parameters: Parameters, matches: Sequence[Installation], now: float) -> Response:
    if len(matches) > 1:
        return _error("invalid_request", "Several shops have this app: send a *.myshopify.com Host")
    [installation] = matches
    if not installation.account.installed:
        return _not_installed()
    if installation.account.organization == "other":
        return _error("shop_not_permitted", "Client credentials cannot be performed on this shop.")
    token = f"shpat_{secrets.token_hex(16)}"
    installation.admin_tokens[token] = now + CLIENT_CREDENTIALS_SECONDS
    installation.exchanges += 1
    scope = _scope(installation)
    return json_response(200, {"access_token": token, "scope": scope, "expires_in": CLIENT_CREDENTIALS_SECONDS})


def _refresh(parameters: Parameters, matches: Sequence[Installation], now: float) -> Response:
    sent = parameters.get("refresh_token", "")
    installation = next((each for each in matches if each.expiring.knows(sent)), matches[0])
    if not installation.account.installed:
        return _not_installed()
    pair = installation.expiring.refresh(sent, now)
    if pair is not None:
        return _pair_response(pair, installation, now)
    if installation.account.dead_refresh_response == "invalid_grant":
        return _error("invalid_grant", "The refresh token is invalid or expired")
    return _error("invalid_request", "This request requires an active refresh_token", status=401)


def _exchange(parameters: Parameters, matches: Sequence[Installation], now: float) -> Response:
    sent = parameters.get("subject_token", "")
    installation = next((each for each in matches if each.has_permanent_token(sent)), matches[0])
    if not installation.account.installed:
        return _not_installed()
    types = {parameters.get("subject_token_type"), parameters.get("requested_token_type")}
    if types != {OFFLINE} or parameters.get("expiring") != "1":
        return _error("invalid_request", "Only the exchange for an expiring offline token is simulated")
    pair = installation.expiring.migrate(sent, now) if installation.has_permanent_token(sent) else None
    if pair is None:
        return _error("invalid_subject_token", "The subject token is invalid or was exchanged")
    return _pair_response(pair, installation, now)


_GRANTS: dict[str, Callable[[Parameters, Sequence[Installation], float], Response]] = {
    "client_credentials": _client_credentials,
    "refresh_token": _refresh,
    EXCHANGE: _exchange,
}


def _is_client(account: Account, parameters: Parameters) -> bool:
    sent = parameters.get("client_secret")
    return (
        account.client_id is not None
        and account.client_id == parameters.get("client_id")
        and sent is not None
        and sent in account.client_secrets
    )


def _pair_response(pair: Pair, installation: Installation, now: float) -> Response:
    answer = {
        "access_token": pair.access_token,
        "expires_in": max(0, round(pair.access_expires_at - now)),
        "refresh_token": pair.refresh_token,
        "refresh_token_expires_in": round(pair.refresh_expires_at - now),
        "scope": _scope(installation),
    }
    return json_response(200, answer)


def _scope(installation: Installation) -> str:
    return ",".join(installation.account.access_scopes)


def _not_installed() -> Response:
    return _error("app_not_installed", "The app is not installed on this shop")


def _error(error: str, description: str, status: int = 400) -> Response:
    return json_response(status, {"error": error, "error_description": description})
