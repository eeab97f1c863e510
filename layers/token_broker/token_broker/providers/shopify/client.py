"""Shopify: storefront access tokens over the Admin REST API.

    POST   {base}/admin/api/{version}/storefront_access_tokens.json        {"storefront_access_token": {"title": …}}
    GET    {base}/admin/api/{version}/storefront_access_tokens.json
    DELETE {base}/admin/api/{version}/storefront_access_tokens/{id}.json

with `X-Shopify-Access-Token`; the older unversioned address leaves `/api/{version}` out and answers without
`admin_graphql_api_id`. At most 100 active tokens for an app on a shop; no expiry; titles need not be unique; the list
holds the values. `errors` is a string, an array or an object. A delete answers 200 with an empty body, `{}`, or no
JSON.

Sources: the pages "StorefrontAccessToken" of the versioned Admin REST API and "Storefront Access Token" of the
unversioned one; for 401, 402, 404, 422, 423, 429 and the version headers, public client libraries (seen 2026-11-21).
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from token_broker.clock import Deadline
from token_broker.domain.merchant_secret import fields_of
from token_broker.domain.token import ProviderToken, Use
from token_broker.errors import (
    AppNotEligible,
    MerchantMisconfigured,
    ProviderFailure,
    ProviderReply,
    ShopUnavailable,
    TokenLimitReached,
)
from token_broker.http.client import HttpClient, HttpResponse, Request, error_from_status, malformed_response
from token_broker.http.redaction import redact
from token_broker.http.responses import (
    TEXT_LIMIT,
    optional_text,
    reject_leaked_credentials,
    require_object,
    token_value,
)
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest
from token_broker.ports.telemetry import Telemetry
from token_broker.providers.shopify.admin_token import SHOP_UNAVAILABLE, AdminTokens
from token_broker.providers.shopify.shop_domain import shop_domain

NAME = "shopify"
LIMIT = 100
SHAPES = (frozenset({"shop", "adminAccessToken"}), frozenset({"shop", "clientId", "clientSecret"}))
UNVERSIONED = "unversioned"
HEADER = "X-Shopify-Storefront-Access-Token"
#: After a create whose answer was lost, the list must still be asked within the same deadline.
LOOKUP_RESERVE = 3.0

_VERSION = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])|unstable")
_ID = re.compile(r"[1-9][0-9]{0,19}")
_LIMIT_TEXT = re.compile(r"public access token limit of: *\d+")

NOT_ELIGIBLE = (
    "The app may not create storefront access tokens at this shop. Grant it at least one unauthenticated scope and "
    "install it again: unauthenticated_read_product_listings (show products), "
    "unauthenticated_read_collection_listings (show collections), unauthenticated_write_checkouts (create checkouts), "
    "unauthenticated_write_customers (sign in or create a customer)."
)
LIMIT_REACHED = (
    f"The app has all {LIMIT} storefront access tokens that Shopify allows it at this shop. List them, and revoke "
    "those that nobody uses any more: each revoked token frees a place."
)


class Shopify:
    """The client. `base_url` may hold `{shop}`, which becomes the shop's checked domain."""

    name = NAME
    capabilities = Capabilities(lists=True, revokes=True, supports_title_tag=True, rotates=True, limit=LIMIT)

    def __init__(self, http: HttpClient, base_url: str, *, version: str, telemetry: Telemetry) -> None:
        self._http = http
        self._base_url = base_url
        self._version = version
        self._telemetry = telemetry
        self._admin_tokens = AdminTokens(http)

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """The secret: shop and admin token, or shop, client id and client secret; optionally the API version."""
        if isinstance(typed := secret.get("shop"), str):
            secret = {**secret, "shop": typed.strip(" ")}  # an address that people type, not a credential
        fields = fields_of(NAME, merchant, secret, shapes=SHAPES, optional=frozenset({"apiVersion"}))
        shop = shop_domain(fields["shop"])
        whose = f"The {NAME} secret of merchant '{merchant}'"
        if shop is None:
            raise MerchantMisconfigured(
                f"{whose}: the field 'shop' must be a shop's domain, like my-shop.myshopify.com."
            )
        version = fields.get("apiVersion", self._version)
        if version != UNVERSIONED and not _VERSION.fullmatch(version):
            raise MerchantMisconfigured(
                f"{whose}: the field 'apiVersion' must be a version like 2026-10, or '{UNVERSIONED}'."
            )
        credentials = {name: value for name, value in fields.items() if name not in ("shop", "apiVersion")}
        return Account(merchant, credentials, {"shop": shop, "apiVersion": version}, account_id=shop)

    def invalidate_credentials(self, account: Account) -> None:
        """Throw away the admin token that was bought for this account."""
        self._admin_tokens.invalidate_credentials(account)

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """A new token with the order's title."""
        body = json.dumps({"storefront_access_token": {"title": mint_request.title}}).encode()
        response = self._call("POST", "storefront_access_tokens.json", account, deadline, body=body)
        if response.status not in (200, 201):
            raise self._failure(response, account, creating=True)
        return self._minted(require_object(response.json(), "storefront_access_token"), account)

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        """Every token of this app at the shop."""
        response = self._call("GET", "storefront_access_tokens.json", account, deadline)
        if response.status != 200:
            raise self._failure(response, account)
        said = response.json()
        entries = said.get("storefront_access_tokens") if isinstance(said, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise malformed_response("it has no list 'storefront_access_tokens'")
        tokens = [self._minted(entry, account) for entry in entries]
        return [ListedToken(token=minted, title=minted.title or "") for minted in tokens]

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """End a token. A 404 says that it has ended, unless it is still listed: a wrong API version answers 404 too."""
        response = self._call("DELETE", f"storefront_access_tokens/{token_id}.json", account, deadline)
        if response.status == 404 and any(
            each.token.token_id == token_id for each in self.list_tokens(account, deadline)
        ):
            raise self._failure(response, account)
        if response.status not in (200, 204, 404):
            raise self._failure(response, account)

    def _call(
        self, method: str, path: str, account: Account, deadline: Deadline, *, body: bytes | None = None
    ) -> HttpResponse:
        base_url = self._base_url.replace("{shop}", account.settings["shop"])
        version = account.settings["apiVersion"]
        admin = "/admin" if version == UNVERSIONED else f"/admin/api/{version}"
        headers = {"X-Shopify-Access-Token": self._admin_tokens.get(account, base_url, deadline)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        reserve = LOOKUP_RESERVE if method == "POST" else 0.0
        response = self._http.send(
            Request(method, f"{base_url}{admin}/{path}", headers, body, reserve=reserve), deadline
        )
        self._note_version(version, response, self._secrets(account))
        return response

    def _note_version(self, asked: str, response: HttpResponse, secrets: tuple[str, ...]) -> None:
        served = response.headers.get("x-shopify-api-version")
        if served is not None and asked not in (served, UNVERSIONED):
            self._telemetry.notice("shopify_version_fallback", asked=asked, served=redact(served, secrets))
        if reason := response.headers.get("x-shopify-api-deprecated-reason"):
            self._telemetry.notice("shopify_api_deprecated", asked=asked, reason=redact(reason, secrets))

    def _minted(self, entry: Mapping[str, Any], account: Account) -> ProviderToken:
        number = entry.get("id")
        if not isinstance(number, int | str) or not _ID.fullmatch(str(number)):
            raise malformed_response("'id' is not a token's id")
        scopes = optional_text(entry, "access_scope") or ""
        title = entry.get("title")  # anybody's text: a foreign one must not spoil the list
        created = optional_text(entry, "created_at")
        graphql_id = optional_text(entry, "admin_graphql_api_id")
        given = {"admin_graphql_api_id": graphql_id, "created_at": created}
        minted = ProviderToken(
            token_id=str(number),
            access_token=token_value(entry, "access_token"),
            token_type="storefront_access_token",  # noqa: S106  # a kind, not a value
            scope=tuple(scope for part in scopes.split(",") if (scope := part.strip())),
            issued_at=_unix(created, self._http.clock.now()),
            expires_at=None,
            use=Use("header", HEADER, self._storefront_url(account)),
            # Half a surrogate pair, which JSON can spell, could be neither stored nor answered.
            title=title[:TEXT_LIMIT].encode(errors="replace").decode() if isinstance(title, str) else None,
            account_id=account.account_id,
            provider_data={name: value for name, value in given.items() if value is not None},
        )
        return reject_leaked_credentials(minted, self._secrets(account))

    def _secrets(self, account: Account) -> tuple[str, ...]:
        """What must not be repeated: also what was bought with them."""
        return (*account.secrets(), *self._admin_tokens.known(account))

    def _storefront_url(self, account: Account) -> str:
        asked = account.settings["apiVersion"]
        version = self._version if asked == UNVERSIONED else asked
        return f"https://{account.settings['shop']}/api/{version}/graphql.json"

    def _failure(self, response: HttpResponse, account: Account, *, creating: bool = False) -> ProviderFailure:
        message = _message(response, self._secrets(account))
        reply = ProviderReply(response.status, None, message)
        if response.status in (402, 423):
            return ShopUnavailable(SHOP_UNAVAILABLE, reply=reply)
        if creating and response.status == 403:
            return AppNotEligible(NOT_ELIGIBLE, reply=reply)
        # Shopify has no error code for its limit: the documented sentence is all there is to tell it from a bad
        # request.
        if creating and response.status == 400 and message and _LIMIT_TEXT.search(message):
            return TokenLimitReached(LIMIT_REACHED, reply=reply)
        return error_from_status(response, code=None, message=message)


def _message(response: HttpResponse, secrets: tuple[str, ...]) -> str | None:
    """Shopify's `errors` (string, array or object of arrays) in one line."""
    said = response.json()
    errors = said.get("errors") if isinstance(said, dict) else None
    words = list(_words(errors))
    return redact("; ".join(words), secrets) if words else None


def _words(errors: Any, name: str = "", depth: int = 0) -> list[str]:
    if isinstance(errors, str):
        return [f"{name}: {errors}" if name else errors]
    if depth > 3:
        return []
    if isinstance(errors, list):
        return [word for each in errors for word in _words(each, name, depth + 1)]
    if isinstance(errors, dict):
        return [word for key, each in errors.items() for word in _words(each, str(key), depth + 1)]
    return []


def _unix(created_at: str | None, now: float) -> int:
    """Shopify's ISO 8601 time in Unix seconds; now, where it cannot be read or is still to come: the token is good all
    the same.
    """
    try:
        created = int(datetime.fromisoformat(created_at or "").timestamp())
    except (ValueError, OverflowError):
        return int(now)
    return created if 0 <= created <= now else int(now)
