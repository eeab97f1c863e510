"""Talk to Shopify, which issues storefront access tokens over its Admin API.

An app can have at most 100 active tokens on a shop. Tokens do not expire. Titles need not be unique. The list contains
the tokens' values. Shopify has two Admin APIs: `rest` and `graphql` create, list and delete tokens over one of them.

A function that serves a stored token needs none of these modules, so each is imported at its first use.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from token_broker import settings
from token_broker.domain.token import ProviderToken, Use
from token_broker.errors import InvalidRequest
from token_broker.http.client import malformed_response
from token_broker.http.responses import TEXT_LIMIT, optional_text, reject_leaked_credentials, token_value
from token_broker.ports.provider import Account, ListedToken, ListingProvider, MintRequest
from token_broker.providers.shopify import PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_broker.clock import Deadline
    from token_broker.domain.credential_pair import CredentialPair
    from token_broker.http.client import HttpClient
    from token_broker.ports.telemetry import Telemetry
    from token_broker.providers.shopify.admin_api import AdminApi, AdminRequests
    from token_broker.providers.shopify.token_endpoint import TokenEndpoint

HEADER = "X-Shopify-Storefront-Access-Token"

_ID = re.compile(r"[1-9][0-9]{0,19}")


class Shopify:
    """Talk to Shopify. `{shop}` in `base_url` is replaced by the shop's checked domain.

    `admin_api` is "rest" or "graphql".
    """

    name = PROFILE.name
    capabilities = PROFILE.capabilities

    def __init__(
        self, http: HttpClient, base_url: str, *, version: str, telemetry: Telemetry, admin_api: str = "rest"
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._version = version
        self._telemetry = telemetry
        self._admin_api = admin_api

    @cached_property
    def _token_endpoint(self) -> TokenEndpoint:
        from token_broker.providers.shopify.token_endpoint import TokenEndpoint

        return TokenEndpoint(self._http, self._base_url)

    @cached_property
    def _requests(self) -> AdminRequests:
        from token_broker.providers.shopify.admin_api import AdminRequests
        from token_broker.providers.shopify.admin_token import AdminTokens

        admin_tokens = AdminTokens(lambda: self._token_endpoint, self._http.clock)
        return AdminRequests(self._http, self._base_url, admin_tokens, self._telemetry)

    @cached_property
    def _rest(self) -> AdminApi:
        from token_broker.providers.shopify.rest import RestApi

        return RestApi(self._requests)

    @cached_property
    def _graphql(self) -> AdminApi:
        from token_broker.providers.shopify.graphql import GraphqlApi

        return GraphqlApi(self._requests, self._version)

    def account(self, merchant: str, secret: Mapping[str, Any]) -> Account:
        """Return the account that the secret describes. Raises `MerchantMisconfigured`."""
        from token_broker.providers.shopify.account import account_of

        return account_of(merchant, secret, version=self._version)

    def with_app(self, account: Account, secret: Mapping[str, Any]) -> Account:
        """Return the account with the credentials of its app's shared secret. Raises `MerchantMisconfigured`."""
        from token_broker.providers.shopify.account import with_app

        return with_app(account, secret)

    def refresh(self, account: Account, refresh_token: str, deadline: Deadline) -> CredentialPair:
        """Return the next pair. Raises `RefreshTokenRefused` if the refresh token is dead."""
        return self._token_endpoint.refresh(account, refresh_token, deadline)

    def exchange(self, account: Account, deadline: Deadline) -> CredentialPair:
        """Exchange the permanent token for a pair, which cannot be undone. Raises `PermanentTokenRefused`."""
        return self._token_endpoint.exchange(account, deadline)

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the admin token that was granted to this account."""
        self._requests.invalidate_credentials(account)

    def mint(self, account: Account, mint_request: MintRequest, deadline: Deadline) -> ProviderToken:
        """Create a new token with the requested title."""
        return self._token(self._api(account).create(account, mint_request.title, deadline), account)

    def list_tokens(self, account: Account, deadline: Deadline) -> list[ListedToken]:
        """Return all tokens of this app at the shop, including foreign ones."""
        tokens = [self._token(entry, account) for entry in self._api(account).list_tokens(account, deadline)]
        return [ListedToken(token=token, title=token.title or "") for token in tokens]

    def check_token_id(self, token_id: str) -> None:
        """Raise `InvalidRequest` unless the text is an id, which exceeds JavaScript's exact integers."""
        if not _ID.fullmatch(token_id):
            raise InvalidRequest(
                "'tokenId' must be a token's id, a string of 1 to 20 digits that does not start with 0."
            )

    def revoke(self, account: Account, token_id: str, deadline: Deadline) -> None:
        """Revoke the token. A token that Shopify does not know has ended, unless it is still listed."""
        refusal = self._api(account).delete(account, token_id, deadline)
        if refusal is not None and token_id in {
            listed.token.token_id for listed in self.list_tokens(account, deadline)
        }:
            raise refusal

    def _api(self, account: Account) -> AdminApi:
        # Refreshed tokens belong to public apps, which may use GraphQL only.
        graphql = self._admin_api == "graphql" or "accessToken" in account.credentials
        return self._graphql if graphql else self._rest

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
        return reject_leaked_credentials(token, self._requests.secrets(account))

    def _storefront_url(self, account: Account) -> str:
        from token_broker.providers.shopify.admin_api import numbered_version

        version = numbered_version(account, self._version)
        return f"https://{account.settings['shop']}/api/{version}/graphql.json"


def make(http: HttpClient, telemetry: Telemetry) -> ListingProvider:
    """Make the client from the function's settings. Raises `ProviderNotConfigured`."""
    return Shopify(
        http,
        settings.base_url("SHOPIFY_BASE_URL"),
        version=settings.optional("SHOPIFY_API_VERSION", "2026-10"),
        admin_api=settings.optional("SHOPIFY_ADMIN_API", "rest"),
        telemetry=telemetry,
    )


def _unix(created_at: str | None, now: float) -> int:
    """Return Shopify's ISO 8601 time in Unix seconds, or `now` if it is malformed or in the future.

    The token is valid in each case.
    """
    try:
        created = int(datetime.fromisoformat(created_at or "").timestamp())
    except (ValueError, OverflowError):
        return int(now)
    return created if 0 <= created <= now else int(now)
