"""Shopify's documented answers, and a client of ours that hears them."""

import json
from typing import Any

from tests.fakes.lines import Line
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import Step, json_answer
from token_broker.domain.token import ProviderToken
from token_broker.http.client import HttpResponse
from token_broker.ports.provider import Account, ListedToken, MintRequest
from token_broker.providers.shopify.client import Shopify

PERMANENT = {"shop": "acme.myshopify.com", "adminAccessToken": "shpat_permanent"}
EXCHANGED = {"shop": "acme.myshopify.com", "clientId": "client-1", "clientSecret": "shpss_secret-1"}

ENTRY: dict[str, Any] = {
    "access_token": "58ce44faa12e743cfcfe77d34d5a39e8",
    "access_scope": "unauthenticated_read_product_listings",
    "created_at": "2025-01-02T11:39:14-05:00",
    "id": 1003304090,
    "admin_graphql_api_id": "gid://shopify/StorefrontAccessToken/1003304090",
    "title": "Test",
}
OTHER = {**ENTRY, "id": 755357713, "access_token": "378d95641257a4ab3feff967ee234f4d", "title": "API Client Extension"}
#: The first token, as GraphQL shows it.
NODE: dict[str, Any] = {
    "id": "gid://shopify/StorefrontAccessToken/1003304090",
    "title": "Test",
    "accessToken": "58ce44faa12e743cfcfe77d34d5a39e8",
    "createdAt": "2025-01-02T16:39:14Z",
    "accessScopes": [{"handle": "unauthenticated_read_product_listings"}],
}
MAY_LIST = ("read_products", "unauthenticated_read_product_listings")


def created(**changes: Any) -> HttpResponse:
    """Build GraphQL's answer to a create."""
    payload = {"storefrontAccessToken": {**NODE, **changes}, "userErrors": []}
    return json_answer(200, {"data": {"storefrontAccessTokenCreate": payload}})


def page(*nodes: Any, cursor: str | None = None, scopes: tuple[str, ...] = MAY_LIST) -> HttpResponse:
    """Build one page of GraphQL's list. A cursor says that there is another one."""
    connection = {"nodes": list(nodes), "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}}
    granted = {"accessScopes": [{"handle": scope} for scope in scopes]}
    return json_answer(
        200, {"data": {"shop": {"storefrontAccessTokens": connection}, "currentAppInstallation": granted}}
    )


def user_errors(mutation: str, *messages: str) -> HttpResponse:
    """Build a mutation's rejection."""
    errors = [{"field": ["input"], "message": message} for message in messages]
    return json_answer(200, {"data": {mutation: {"userErrors": errors}}})


def top_level(code: str, message: str, data: Any = None, **extensions: Any) -> HttpResponse:
    """Build a request's failure."""
    error = {"message": message, "extensions": {"code": code}}
    return json_answer(200, {"errors": [error], "data": data, "extensions": extensions})


class ShopifyLine(Line):
    """The client `shopify`, for the merchant of `secret`."""

    def __init__(
        self,
        *said: Step,
        secret: dict[str, Any] | None = None,
        base_url: str = "https://{shop}",
        version: str = "2026-10",
        admin_api: str = "rest",
    ) -> None:
        super().__init__(*said)
        self.telemetry = RecordingTelemetry()
        self.shopify = Shopify(self.http, base_url, version=version, telemetry=self.telemetry, admin_api=admin_api)
        self.secret = PERMANENT if secret is None else secret

    @property
    def account(self) -> Account:
        return self.shopify.account("acme", self.secret)

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The JSON bodies that were sent."""
        return [json.loads(each.body or b"null") for each in self.transport.requests]

    def create(self) -> ProviderToken:
        """Mint a token with the title of the documented answer."""
        return self.shopify.mint(self.account, MintRequest(title="Test"), self.deadline)

    def list_tokens(self) -> list[ListedToken]:
        """List the shop's tokens."""
        return self.shopify.list_tokens(self.account, self.deadline)

    def revoke(self) -> None:
        """Revoke the token `OTHER`."""
        self.shopify.revoke(self.account, "755357713", self.deadline)
