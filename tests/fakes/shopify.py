"""Shopify's documented answers, and a client of ours that hears them."""

from typing import Any

from tests.fakes.lines import Line
from tests.fakes.telemetry import RecordingTelemetry
from tests.fakes.transport import Step
from token_broker.ports.provider import Account
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


class ShopifyLine(Line):
    """The client `shopify`, for the merchant of `secret`."""

    def __init__(
        self,
        *said: Step,
        secret: dict[str, Any] | None = None,
        base_url: str = "https://{shop}",
        version: str = "2026-10",
    ) -> None:
        super().__init__(*said)
        self.telemetry = RecordingTelemetry()
        self.shopify = Shopify(self.http, base_url, version=version, telemetry=self.telemetry)
        self.secret = PERMANENT if secret is None else secret

    @property
    def account(self) -> Account:
        return self.shopify.account("acme", self.secret)
