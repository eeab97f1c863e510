"""Simulate Fourthwall's PUT /open-api/v1.0/public-token, independent of sockets.

The contract is Fourthwall's page "Get or Create Public Token". It has Basic authentication with an API key's username
and password, or a Bearer access token with the scope `shop_read`. `oauth.py` gives such tokens. The response is 200
{"token": "ptkn_…"}, always the same for a shop. More than 100 requests of a user in 10 s are delayed, not rejected.
Error bodies are {"code": "SOME_CODE"}.
"""

import base64
import binascii
import secrets

from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.fourthwall import oauth
from sandbox.simulators.fourthwall.accounts import SCOPE, Shop, read_account

PATH = "/open-api/v1.0/public-token"
METHODS = {PATH: "PUT", oauth.PATH: "POST"}


class Fourthwall:
    def __init__(self) -> None:
        self._shops: dict[str, Shop] = {}

    def put_account(self, name: str, value: object) -> None:
        """Create a shop, or replace its credentials and limits. Its public token stays."""
        account = read_account(value)
        if name in self._shops:
            self._shops[name].replace(account)
        else:
            self._shops[name] = Shop(account, account.refresh_token)

    def delete_account(self, name: str) -> bool:
        return self._shops.pop(name, None) is not None

    def renew_token(self, name: str) -> bool:
        """Replace the shop's public token, as its owner could.

        Returns False if there is no such shop.
        """
        shop = self._shops.get(name)
        if shop is not None:
            shop.token = self._mint(shop)
        return shop is not None

    def admit(self, request: Request, now: float) -> float:
        """Take a slot in the user's rate limit, and return the time at which the request may proceed."""
        shop = self._authenticate(request, now)
        if shop is None:
            return now
        limit, window = shop.account.limit, shop.account.window
        turn = max(now, shop.starts[-limit] + window) if len(shop.starts) >= limit else now
        shop.starts = [*shop.starts[-limit:], turn]
        return turn

    def respond(self, request: Request, now: float) -> Response:
        method = METHODS.get(request.path)
        if method is None:
            return json_response(404, {"code": "NOT_FOUND"})
        if request.method != method:
            return json_response(405, {"code": "METHOD_NOT_ALLOWED"}, {"Allow": method})
        if request.path == oauth.PATH:
            return oauth.grant(request, self._shops.values(), now)
        shop = self._authenticate(request, now)
        if shop is None:
            return json_response(401, {"code": "UNAUTHORIZED"})
        if _scheme(request) == "bearer" and SCOPE not in shop.account.scopes:
            return json_response(403, {"code": "FORBIDDEN"})
        if shop.token is None:
            shop.token = self._mint(shop)
        return json_response(200, {"token": shop.token})

    def state(self, _now: float) -> dict[str, object]:
        return {name: shop.state() for name, shop in self._shops.items()}

    @staticmethod
    def _mint(shop: Shop) -> str:
        shop.mints += 1
        return f"ptkn_{secrets.token_urlsafe(24)}"

    def _authenticate(self, request: Request, now: float) -> Shop | None:
        credential = request.headers.get("authorization", "").partition(" ")[2].strip()
        scheme = _scheme(request)
        for shop in self._shops.values():
            account = shop.account
            if scheme == "bearer" and shop.accepts(credential, now):
                return shop
            if scheme == "basic" and _basic(credential) == (account.username, account.password):
                return shop
        return None


def _scheme(request: Request) -> str:
    return request.headers.get("authorization", "").partition(" ")[0].lower()


def _basic(credential: str) -> tuple[str, str] | None:
    try:
        username, colon, password = base64.b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (username, password) if colon else None
