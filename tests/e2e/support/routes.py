"""A valid request of each of the client's operations, for tests that send it themselves."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from token_broker_client.operations import CLIENT_OPERATIONS, OPERATIONS, STOREFRONT_OPERATIONS, Operation

SHOPIFY_CURRENT = OPERATIONS["shopify/storefront_access_token"].path
SHOPIFY = OPERATIONS["shopify/create_storefront_access_token"].path
FOURTHWALL = OPERATIONS["fourthwall/public_token"].path
TRUST_POLICY = OPERATIONS["storefronts/get_trust_policy"].path

STOREFRONT_FOURTHWALL = STOREFRONT_OPERATIONS["fourthwall/public_token"].path
STOREFRONT_SHOPIFY = STOREFRONT_OPERATIONS["shopify/storefront_access_token"].path
STOREFRONT_CHICKSX = STOREFRONT_OPERATIONS["chicksx/public_token"].path

CLIENT_FOURTHWALL = CLIENT_OPERATIONS["fourthwall/public_token"].path
CLIENT_SHOPIFY = CLIENT_OPERATIONS["shopify/storefront_access_token"].path

PREVIEW_ORIGINS = OPERATIONS["storefronts/list_preview_origins"].path

_PREVIEW = "https://pr-7.preview.example"
POLICY = {"version": 1, "origins": ["https://shop.example"], "anonymous": ["fourthwall/public-token"]}
_TOKEN = {"tokenId": "1003304090"}
#: What a valid request has beside the merchant.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "chicksx/public_token": {"sessionId": "checkout-1"},
    "chicksx/close_session": {"sessionId": "checkout-1", "orderId": "order-1"},
    "shopify/create_storefront_access_token": {"title": "Mobile app"},
    "shopify/get_storefront_access_token": _TOKEN,
    "shopify/delete_storefront_access_token": _TOKEN,
    "shopify/put_rotation_settings": {"maxAgeDays": 90},
    "shopify/reconcile": {"apply": True},
    "shopify/migrate_token": {"confirm": "demo.myshopify.com"},
    "storefronts/put_trust_policy": POLICY,
    "storefronts/allow_preview_origin": {"origin": _PREVIEW, "expiresIn": 3600},
    "storefronts/remove_preview_origin": {"origin": _PREVIEW},
}


class Route(NamedTuple):
    """Hold an operation with the fields of a valid request."""

    operation: Operation
    fields: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return the function's folder."""
        return self.operation.name

    @property
    def method(self) -> str:
        return self.operation.method

    @property
    def body(self) -> dict[str, Any] | None:
        return self.operation.body(self.fields)

    def to(self, merchant: str) -> str:
        """Return the path for one merchant."""
        return self.operation.target({"merchant": merchant, **self.fields})


ROUTES = tuple(Route(operation, FIELDS.get(name, {})) for name, operation in OPERATIONS.items())
