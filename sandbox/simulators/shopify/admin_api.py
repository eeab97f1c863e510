"""Simulate Shopify's REST Admin API for storefront access tokens, versioned and unversioned, independent of sockets.

The contract is Shopify's page "StorefrontAccessToken" and its older, unversioned form. The unversioned responses have
no `admin_graphql_api_id`. X-Shopify-Access-Token selects the app and the shop. A *.myshopify.com Host header must be
that shop's.
"""

import secrets
from collections.abc import Iterator
from dataclasses import replace

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import JSON_TYPE, Request, Response, json_response, parse_json
from sandbox.simulators.clock import shop_time
from sandbox.simulators.shopify import oauth
from sandbox.simulators.shopify.accounts import (
    SHOP_SUFFIX,
    TOKEN_LIMIT,
    Account,
    Bucket,
    Installation,
    StorefrontToken,
    read_account,
)
from sandbox.simulators.shopify.responses import (
    BLANK_TITLE,
    DELETED,
    INELIGIBLE,
    LIMIT_REACHED,
    NOT_FOUND,
    PARAMETER_MISSING,
    SHOP_ERRORS,
    UNAUTHORIZED,
    throttled,
)
from sandbox.simulators.shopify.routes import Route, find_route

FIRST_ID = 1053727608


class Shopify:
    def __init__(self) -> None:
        self._installations: dict[str, Installation] = {}
        self._next_id = FIRST_ID

    def put_account(self, name: str, value: object) -> None:
        """Install an app on a shop, or replace its credentials and modes. Its tokens stay."""
        account = read_account(value)
        for other, installation in self._installations.items():
            if other != name and _same_identity(installation.account, account):
                raise InputError(f"A Shopify account: {other} has this token, or app on this shop, already.")
        if name in self._installations:
            self._installations[name].replace(account)
        else:
            self._installations[name] = Installation(account, Bucket(account.bucket_size, account.leak_per_second))

    def delete_account(self, name: str) -> bool:
        return self._installations.pop(name, None) is not None

    def revoke_admin_tokens(self, name: str | None) -> int:
        """End the exchanged admin tokens of one account, or of all, and return their number."""
        ended = 0
        for owner, installation in self._installations.items():
            if name in (owner, None):
                ended += len(installation.admin_tokens)
                installation.admin_tokens.clear()
        return ended

    def plant(self, value: object, now: float) -> list[dict[str, object]]:
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
        if account not in self._installations:
            raise InputError(f"A planted token: there is no Shopify account {account}; put it first.")
        if count > 1 and (token_id is not None or access_token is not None):
            raise InputError("A planted token: id and accessToken are for a count of 1.")
        if any(token_id in installation.tokens for installation in self._installations.values()):
            raise InputError(f"A planted token: the id {token_id} is taken.")
        installation = self._installations[account]
        planted = []
        for _ in range(count):
            made = self._make(installation, title or "Somebody else's token", now, planted=True, token_id=token_id)
            token = replace(
                made,
                access_token=access_token or made.access_token,
                access_scope=scope or made.access_scope,
                created_at=created_at or made.created_at,
            )
            installation.tokens[token.token_id] = token
            planted.append(token.as_json(versioned=True))
        return planted

    def admit(self, _request: Request, now: float) -> float:
        return now

    def respond(self, request: Request, now: float) -> Response:
        candidates = list(self._of_host(request))
        if not candidates and _shop_of_host(request) is not None:
            return NOT_FOUND
        if request.path == oauth.PATH:
            return oauth.exchange(request, candidates, now) if request.method == "POST" else NOT_FOUND
        route = find_route(request.path)
        return NOT_FOUND if route is None else self._administer(route, request, candidates, now)

    def _administer(self, route: Route, request: Request, candidates: list[Installation], now: float) -> Response:
        version = {} if route.served_version is None else {"X-Shopify-API-Version": route.served_version}
        installation = _authenticate(request, candidates, now)
        if installation is None:
            return json_response(401, {"errors": UNAUTHORIZED}, version)
        if installation.account.shop_status in SHOP_ERRORS:
            status, text = SHOP_ERRORS[installation.account.shop_status]
            return json_response(status, {"errors": text}, version)
        accepted = installation.bucket.take(now)
        headers = {**version, "X-Shopify-Shop-Api-Call-Limit": installation.bucket.shown()}
        if not accepted:
            return throttled(installation.account.leak_per_second, headers)
        response = self._operate(request, route, installation, now)
        return replace(response, headers={**response.headers, **headers})

    def state(self, now: float) -> dict[str, object]:
        return {name: each.state(now) for name, each in self._installations.items()}

    def _operate(self, request: Request, route: Route, installation: Installation, now: float) -> Response:
        versioned = route.served_version is not None
        if route.token_id is None and request.method == "GET":
            tokens = [token.as_json(versioned) for token in installation.tokens.values()]
            return json_response(200, {"storefront_access_tokens": tokens})
        if route.token_id is None and request.method == "POST":
            return self._create(request, versioned, installation, now)
        if route.token_id is not None and request.method == "DELETE":
            if installation.tokens.pop(route.token_id, None) is None:
                return NOT_FOUND
            installation.deletes += 1
            return DELETED[installation.account.delete_response]
        return NOT_FOUND

    def _create(self, request: Request, versioned: bool, installation: Installation, now: float) -> Response:
        if not installation.account.token_scope:
            return INELIGIBLE[installation.account.ineligible_response]
        title = _read_title(request)
        if isinstance(title, Response):
            return title
        if len(installation.tokens) >= TOKEN_LIMIT:
            return LIMIT_REACHED
        token = self._make(installation, title, now, planted=False)
        installation.tokens[token.token_id] = token
        installation.mints += 1
        return json_response(200, {"storefront_access_token": token.as_json(versioned)})

    def _make(
        self,
        installation: Installation,
        title: str,
        now: float,
        *,
        planted: bool,
        token_id: int | None = None,
    ) -> StorefrontToken:
        if token_id is None:
            taken = {each for other in self._installations.values() for each in other.tokens}
            while self._next_id in taken:
                self._next_id += 1
            token_id, self._next_id = self._next_id, self._next_id + 1
        scope = installation.account.token_scope
        return StorefrontToken(token_id, secrets.token_hex(16), scope, shop_time(now), title, planted)

    def _of_host(self, request: Request) -> Iterator[Installation]:
        shop = _shop_of_host(request)
        return (each for each in self._installations.values() if shop in (None, each.account.shop))


def _read_title(request: Request) -> str | Response:
    """Return the title of the token to create, or the error response for this body."""
    try:
        body = parse_json(request.body)
    except ValueError:
        return PARAMETER_MISSING
    wanted = body.get("storefront_access_token") if isinstance(body, dict) else None
    title = wanted.get("title") if isinstance(wanted, dict) else None
    if request.media_type != JSON_TYPE or not isinstance(wanted, dict) or not isinstance(title, str | None):
        return PARAMETER_MISSING
    return BLANK_TITLE if title is None or not title.strip() else title


def _shop_of_host(request: Request) -> str | None:
    host = request.headers.get("host", "").partition(":")[0].lower()
    return host if host.endswith(SHOP_SUFFIX) else None


def _authenticate(request: Request, candidates: list[Installation], now: float) -> Installation | None:
    sent = request.headers.get("x-shopify-access-token")
    for installation in candidates:
        if sent is not None and sent == installation.account.admin_access_token:
            return installation
        if sent in installation.admin_tokens and installation.admin_tokens[sent] > now:
            return installation
    return None


def _same_identity(one: Account, other: Account) -> bool:
    same_token = one.admin_access_token is not None and one.admin_access_token == other.admin_access_token
    return same_token or (one.client_id is not None and (one.shop, one.client_id) == (other.shop, other.client_id))
