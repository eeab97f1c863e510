"""The API's routes, and the function behind each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FOURTHWALL = "/merchants/{merchant}/fourthwall/public-token"
CHICKSX = "/merchants/{merchant}/chicksx/public-tokens"
CHICKSX_CLOSE = "/merchants/{merchant}/chicksx/sessions/{sessionId}/close"
SHOPIFY_CURRENT = "/merchants/{merchant}/shopify/storefront-access-token"
SHOPIFY = "/merchants/{merchant}/shopify/storefront-access-tokens"
ROTATION_SETTINGS = "/merchants/{merchant}/shopify/rotation-settings"
SHOPIFY_RECONCILIATIONS = "/merchants/{merchant}/shopify/reconciliations"
#: Only an operator may call it, so a principal that is limited to one merchant is refused.
TOKEN_MIGRATIONS = "/operations/merchants/{merchant}/shopify/token-migrations"  # a path, not a value
TRUST_POLICY = "/merchants/{merchant}/trust-policy"
PREVIEW_ORIGINS = "/operations/merchants/{merchant}/preview-origins"

STOREFRONT_FOURTHWALL = "/storefront/{merchant}/fourthwall/public-token"
STOREFRONT_SHOPIFY = "/storefront/{merchant}/shopify/storefront-access-token"
STOREFRONT_CHICKSX = "/storefront/{merchant}/chicksx/public-tokens"

CLIENT_FOURTHWALL = "/clients/{merchant}/fourthwall/public-token"
CLIENT_SHOPIFY = "/clients/{merchant}/shopify/storefront-access-token"


@dataclass(frozen=True)
class Route:
    """`folder` names the function as stack.json does; `fields` are a valid call's, beside the merchant.

    `account`: it works with the merchant's account at the provider, so there must be one.
    """

    method: str
    path: str
    folder: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    account: bool = True

    @property
    def provider(self) -> str:
        return self.folder.partition("/")[0]

    @property
    def body(self) -> dict[str, Any] | None:
        """What goes into the body of the API's request."""
        inside = {name: value for name, value in self.fields.items() if f"{{{name}}}" not in self.path}
        return inside or None

    def to(self, merchant: str) -> str:
        """Return the path for one merchant."""
        return self.path.format(merchant=merchant, **self.fields)


ROTATIONS = {
    provider: f"/merchants/{{merchant}}/{provider}/rotations" for provider in ("fourthwall", "chicksx", "shopify")
}

ROUTES = (
    Route("PUT", FOURTHWALL, "fourthwall/public_token"),
    Route("POST", CHICKSX, "chicksx/public_token", {"sessionId": "checkout-1"}),
    Route(
        "POST", CHICKSX_CLOSE, "chicksx/close_session", {"sessionId": "checkout-1", "orderId": "order-1"}, account=False
    ),
    Route("GET", SHOPIFY_CURRENT, "shopify/storefront_access_token"),
    Route("POST", SHOPIFY, "shopify/create_storefront_access_token", {"title": "Mobile app"}),
    *(Route("POST", path, f"{provider}/rotate") for provider, path in ROTATIONS.items()),
    Route("GET", SHOPIFY, "shopify/list_storefront_access_tokens"),
    Route("POST", SHOPIFY_RECONCILIATIONS, "shopify/reconcile", {"apply": True}),
    Route("DELETE", f"{SHOPIFY}/{{tokenId}}", "shopify/delete_storefront_access_token", {"tokenId": "1003304090"}),
)
