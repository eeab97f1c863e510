"""Simulate Shopify: the shops' accounts, the Admin API and its refusals, independent of sockets.

The contract of REST is Shopify's page "StorefrontAccessToken" and its older, unversioned form. X-Shopify-Access-Token
selects the app and the shop. A *.myshopify.com Host header must be that shop's.
"""

from collections.abc import Callable
from dataclasses import replace

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import Request, Response, json_response
from sandbox.simulators.shopify import oauth, rest_api
from sandbox.simulators.shopify.accounts import SHOP_SUFFIX, Account, read_account
from sandbox.simulators.shopify.installations import Installation
from sandbox.simulators.shopify.responses import (
    NON_EXPIRING_REFUSED,
    NOT_FOUND,
    SHOP_ERRORS,
    UNAUTHORIZED,
    approval_missing,
)
from sandbox.simulators.shopify.routes import Route, find_route

FIRST_ID = 1053727608


class Shopify:
    """Hold the installations by account name. `now` returns the time of an authorization."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._installations: dict[str, Installation] = {}
        self._next_id = FIRST_ID

    def put_account(self, name: str, value: object) -> None:
        """Install an app on a shop, or replace its credentials and modes. Its tokens stay."""
        account = read_account(value)
        for other, installation in self._installations.items():
            if other != name and _same_identity(installation.account, account):
                raise InputError(f"A Shopify account: {other} has this token, or app on this shop, already.")
        if name in self._installations:
            self._installations[name].replace(account, self._now())
        else:
            self._installations[name] = Installation.create(account, self._now())

    def delete_account(self, name: str) -> bool:
        return self._installations.pop(name, None) is not None

    def revoke_admin_tokens(self, name: str | None) -> int:
        """End the admin tokens that one account, or all, obtained, and return their number. Refresh tokens stay."""
        ended = 0
        for installation in self._named(name):
            ended += len(installation.admin_tokens) + installation.expiring.end_access_tokens()
            installation.admin_tokens.clear()
        return ended

    def authorize(self, name: str) -> str:
        """Let the merchant authorize the app again, and return the new refresh token."""
        installation = self._installation(name, "An authorization")
        if installation.account.client_id is None:
            raise InputError(f"An authorization: the Shopify account {name} needs clientId and clientSecret.")
        return installation.expiring.authorize(self._now()).refresh_token

    def revoke_pairs(self, name: str | None) -> int:
        """End the expiring tokens of one account, or of all, and return the number of pairs."""
        return sum(installation.expiring.end() for installation in self._named(name))

    def plant(self, value: object) -> list[dict[str, object]]:
        """Create tokens of another creator with the same app, and return them.

        README.md has the fields.
        """
        fields = Fields(value, "A planted token")
        account = fields.text("account")
        count = fields.whole("count", 1, 1, 1000)
        token_id = fields.whole("id", 0, 1, 10**30) if fields.has("id") else None
        access_token, scope = fields.optional_text("accessToken"), fields.optional_text("accessScope")
        created_at, title = fields.optional_text("createdAt"), fields.optional_text("title")
        fields.finish()
        installation = self._installation(account, "A planted token")
        if count > 1 and (token_id is not None or access_token is not None):
            raise InputError("A planted token: id and accessToken are for a count of 1.")
        if token_id in self._taken_ids():
            raise InputError(f"A planted token: the id {token_id} is taken.")
        planted = []
        for _ in range(count):
            number = token_id or self._free_id()
            made = installation.new_token(title or "Somebody else's token", self._now(), number, planted=True)
            token = replace(
                made,
                access_token=access_token or made.access_token,
                access_scope=scope or made.access_scope,
                created_at=created_at or made.created_at,
            )
            installation.tokens[number] = token
            planted.append(token.as_json(versioned=True))
        return planted

    def admit(self, _request: Request, now: float) -> float:
        return now

    def respond(self, request: Request, now: float) -> Response:
        shop = _shop_of_host(request)
        candidates = [each for each in self._installations.values() if shop in (None, each.account.shop)]
        if not candidates and shop is not None:
            return NOT_FOUND
        if request.path == oauth.PATH:
            return oauth.grant(request, candidates, now) if request.method == "POST" else NOT_FOUND
        route = find_route(request.path)
        if route is None:
            return NOT_FOUND
        response = self._administer(route, request, candidates, now)
        version = {} if route.served_version is None else {"X-Shopify-API-Version": route.served_version}
        return replace(response, headers={**response.headers, **version})

    def state(self, now: float) -> dict[str, object]:
        return {name: each.state(now) for name, each in self._installations.items()}

    def _administer(self, route: Route, request: Request, candidates: list[Installation], now: float) -> Response:
        token = request.headers.get("x-shopify-access-token", "")
        installation = _authenticate(token, candidates, now)
        if installation is None:
            return json_response(401, {"errors": UNAUTHORIZED})
        if (refusal := _refusal(installation, token, request.peer)) is not None:
            return refusal
        if installation.account.replacement_used_by == "any":
            installation.expiring.count_as_used(token)
        if route.graphql:
            # graphql-core takes longer to load than the simulators, and most tests make no such call.
            from sandbox.simulators.shopify import graphql_api

            return graphql_api.respond(request, installation, now, self._free_id)
        return rest_api.respond(request, route, installation, now, self._free_id)

    def _installation(self, name: str, what: str) -> Installation:
        if name not in self._installations:
            raise InputError(f"{what}: there is no Shopify account {name}; put it first.")
        return self._installations[name]

    def _named(self, name: str | None) -> list[Installation]:
        return [each for owner, each in self._installations.items() if name in (owner, None)]

    def _taken_ids(self) -> set[int]:
        return {each for installation in self._installations.values() for each in installation.tokens}

    def _free_id(self) -> int:
        taken = self._taken_ids()
        while self._next_id in taken:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1


def _shop_of_host(request: Request) -> str | None:
    host = request.headers.get("host", "").partition(":")[0].lower()
    return host if host.endswith(SHOP_SUFFIX) else None


def _authenticate(token: str, candidates: list[Installation], now: float) -> Installation | None:
    for installation in candidates:
        accepted = installation.accepts_permanent(token) or installation.accepts_obtained(token, now)
        if accepted and installation.account.installed:
            return installation
    return None


def _refusal(installation: Installation, token: str, peer: str) -> Response | None:
    """Return the refusal of a valid token, or None."""
    account = installation.account
    if account.ip_allowlist is not None and peer not in account.ip_allowlist:
        return json_response(403, account.ip_refusal_body)
    if account.shop_status in SHOP_ERRORS:
        return SHOP_ERRORS[account.shop_status]
    if account.non_expiring_tokens == "refused" and installation.accepts_permanent(token):
        return NON_EXPIRING_REFUSED
    if account.approval_missing is not None:
        return approval_missing(account.approval_missing)
    return None


def _same_identity(one: Account, other: Account) -> bool:
    same_token = one.admin_access_token is not None and one.admin_access_token == other.admin_access_token
    return same_token or (one.client_id is not None and (one.shop, one.client_id) == (other.shop, other.client_id))
