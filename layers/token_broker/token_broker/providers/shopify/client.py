"""Talk to Shopify, which issues storefront access tokens over the Admin REST API.

    POST   {base}/admin/api/{version}/storefront_access_tokens.json        {"storefront_access_token": {"title": …}}
    GET    {base}/admin/api/{version}/storefront_access_tokens.json
    DELETE {base}/admin/api/{version}/storefront_access_tokens/{id}.json

Each request has the header `X-Shopify-Access-Token`. The older unversioned address has no `/api/{version}`, and its
responses have no `admin_graphql_api_id`. An app can have at most 100 active tokens on a shop. Tokens do not expire.
Titles need not be unique. The list contains the tokens' values. `errors` is a string, an array or an object. A delete
responds with 200 and an empty body, `{}`, or a body that is not JSON.

The sources are the pages "StorefrontAccessToken" of the versioned Admin REST API and "Storefront Access Token" of the
unversioned one. Public client libraries are the source for 401, 402, 404, 422, 423, 429 and the version headers (seen
2026-11-21).
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from token_broker.domain.token import ProviderToken, Use
from token_broker.errors import InvalidRequest, ProviderReply
from token_broker.http.client import HttpClient, HttpResponse, Request, malformed_response
from token_broker.http.redaction import redact
from token_broker.http.responses import (
    TEXT_LIMIT,
    optional_text,
    reject_leaked_credentials,
    require_object,
    token_value,
)
from token_broker.ports.provider import Account, ListedToken, MintRequest
from token_broker.providers.shopify import PROFILE
from token_broker.providers.shopify.account import UNVERSIONED, account_of, with_app
from token_broker.providers.shopify.admin_token import AdminTokens
from token_broker.providers.shopify.refusals import error_from_admin_refusal, error_from_create_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.clock import Deadline
    from token_broker.domain.credential_pair import CredentialPair
    from token_broker.ports.telemetry import Telemetry

HEADER = "X-Shopify-Storefront-Access-Token"
#: Seconds to keep for a list request after a create whose response was lost.
LOOKUP_RESERVE = 3.0

_ID = re.compile(r"[1-9][0-9]{0,19}")


class Shopify:
    """Talk to Shopify. `{shop}` in `base_url` is replaced by the shop's checked domain."""

    name = PROFILE.name
    capabilities = PROFILE.capabilities

    def __init__(self, http: HttpClient, base_url: str, *, version: str, telemetry: Telemetry) -> None:
        self._http = http
        self._base_url = base_url
        self._version = version
        self._telemetry = telemetry
        self._admin_tokens = AdminTokens(http)

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """Return the account that the secret describes. Raises `MerchantMisconfigured`."""
        return account_of(merchant, secret, version=self._version)

    def with_app(self, account: Account, secret: Mapping[str, Any]) -> Account:
        """Return the account with the credentials of its app's shared secret. Raises `MerchantMisconfigured`."""
        return with_app(account, secret)

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        """Return the next pair. Raises `RefreshTokenRefused` if the refresh token is dead."""
        return self._admin_tokens.endpoint.refresh(account, self._address(account), refresh_token, deadline)

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        """Exchange the permanent token for a pair, which cannot be undone. Raises `PermanentTokenRefused`."""
        return self._admin_tokens.endpoint.exchange(account, self._address(account), deadline)

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the admin token that was granted to this account."""
        self._admin_tokens.invalidate_credentials(account)

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Create a new token with the requested title."""
        body = json.dumps({"storefront_access_token": {"title": mint_request.title}}).encode()
        response = self._call("POST", "storefront_access_tokens.json", account, deadline, body=body)
        if response.status not in (200, 201):
            raise error_from_create_refusal(response, self._reply(response, account))
        return self._token(require_object(response.json(), "storefront_access_token"), account)

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        """Return all tokens of this app at the shop, including foreign ones."""
        response = self._call("GET", "storefront_access_tokens.json", account, deadline)
        if response.status != 200:
            raise error_from_admin_refusal(response, self._reply(response, account))
        body = response.json()
        entries = body.get("storefront_access_tokens") if isinstance(body, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise malformed_response("it has no list 'storefront_access_tokens'")
        tokens = [self._token(entry, account) for entry in entries]
        return [ListedToken(token=token, title=token.title or "") for token in tokens]

    def check_token_id(self, token_id: str) -> None:
        """Raise `InvalidRequest` unless the text is an id, which exceeds JavaScript's exact integers."""
        if not _ID.fullmatch(token_id):
            raise InvalidRequest(
                "'tokenId' must be a token's id, a string of 1 to 20 digits that does not start with 0."
            )

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """Revoke the token.

        A 404 means that the token has ended, unless it is still listed. A wrong API version also gets a 404.
        """
        response = self._call("DELETE", f"storefront_access_tokens/{token_id}.json", account, deadline)
        if response.status in (200, 204):
            return
        listed = self.list_tokens(account, deadline) if response.status == 404 else []
        if response.status != 404 or token_id in {each.token.token_id for each in listed}:
            raise error_from_admin_refusal(response, self._reply(response, account))

    def _call(
        self, method: str, path: str, account: Account, deadline: Deadline, *, body: bytes | None = None
    ) -> HttpResponse:
        base_url = self._address(account)
        version = account.settings["apiVersion"]
        admin = "/admin" if version == UNVERSIONED else f"/admin/api/{version}"
        headers = {"X-Shopify-Access-Token": self._admin_tokens.get(account, base_url, deadline)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        reserve = LOOKUP_RESERVE if method == "POST" else 0.0
        request = Request(method, f"{base_url}{admin}/{path}", headers, body, reserve=reserve)
        response = self._http.send(request, deadline)
        self._log_version(version, response, self._secrets(account))
        return response

    def _address(self, account: Account) -> str:
        return self._base_url.replace("{shop}", account.settings["shop"])

    def _log_version(self, asked: str, response: HttpResponse, secrets: tuple[str, ...]) -> None:
        served = response.headers.get("x-shopify-api-version")
        if served is not None and asked not in (served, UNVERSIONED):
            self._telemetry.notice("shopify_version_fallback", asked=asked, served=redact(served, secrets))
        if reason := response.headers.get("x-shopify-api-deprecated-reason"):
            self._telemetry.notice("shopify_api_deprecated", asked=asked, reason=redact(reason, secrets))

    def _token(self, entry: Mapping[str, Any], account: Account) -> ProviderToken:
        number = entry.get("id")
        if not isinstance(number, int | str) or not _ID.fullmatch(str(number)):
            raise malformed_response("'id' is not a token's id")
        scopes = optional_text(entry, "access_scope") or ""
        title = entry.get("title")  # a foreign title can be any value, and must not fail the list
        optional = {name: optional_text(entry, name) for name in ("admin_graphql_api_id", "created_at")}
        token = ProviderToken(
            token_id=str(number),
            access_token=token_value(entry, "access_token"),
            token_type="storefront_access_token",  # noqa: S106  # a type, not a value
            scope=tuple(scope for part in scopes.split(",") if (scope := part.strip())),
            issued_at=_unix(optional["created_at"], self._http.clock.now()),
            expires_at=None,
            use=Use("header", HEADER, self._storefront_url(account)),
            # JSON can contain half of a surrogate pair, which cannot be stored or sent.
            title=title[:TEXT_LIMIT].encode(errors="replace").decode() if isinstance(title, str) else None,
            account_id=account.account_id,
            provider_data={name: value for name, value in optional.items() if value is not None},
        )
        return reject_leaked_credentials(token, self._secrets(account))

    def _secrets(self, account: Account) -> tuple[str, ...]:
        """Return the values to redact, including the granted admin token."""
        return (*account.secrets(), *self._admin_tokens.known(account))

    def _storefront_url(self, account: Account) -> str:
        asked = account.settings["apiVersion"]
        version = self._version if asked == UNVERSIONED else asked
        return f"https://{account.settings['shop']}/api/{version}/graphql.json"

    def _reply(self, response: HttpResponse, account: Account) -> ProviderReply:
        return ProviderReply(response.status, None, _message(response, self._secrets(account)))


def _message(response: HttpResponse, secrets: tuple[str, ...]) -> str | None:
    """Return Shopify's `errors` (a string, an array or an object of arrays) on one line, or None."""
    body = response.json()
    errors = body.get("errors") if isinstance(body, dict) else None
    texts = list(_texts(errors))
    return redact("; ".join(texts), secrets) if texts else None


def _texts(errors: Any, name: str = "", depth: int = 0) -> list[str]:
    if isinstance(errors, str):
        return [f"{name}: {errors}" if name else errors]
    if depth > 3:
        return []
    if isinstance(errors, list):
        return [text for each in errors for text in _texts(each, name, depth + 1)]
    if isinstance(errors, dict):
        return [text for key, each in errors.items() for text in _texts(each, str(key), depth + 1)]
    return []


def _unix(created_at: str | None, now: float) -> int:
    """Return Shopify's ISO 8601 time in Unix seconds, or `now` if it is malformed or in the future.

    The token is valid in each case.
    """
    try:
        created = int(datetime.fromisoformat(created_at or "").timestamp())
    except (ValueError, OverflowError):
        return int(now)
    return created if 0 <= created <= now else int(now)
