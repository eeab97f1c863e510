"""List the broker's operations: each one's route, and where the API takes its fields from.

A direct invocation sends the same fields as one JSON object. The names are the functions' folders.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from token_broker_client.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH_FIELD = re.compile(r"{(\w+)}")
#: Spaces at an end would be lost on the way.
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


class Operation(NamedTuple):
    """Describe one operation. `query` names the fields of the query, and `headers` maps fields to their headers.

    A field that is in neither of them nor in the path belongs to the body. A call lasts at most `longest` seconds with
    all its attempts, since the broker would not take a later one as the same request.
    """

    name: str
    method: str
    path: str
    query: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    longest: float = math.inf

    def target(self, fields: Mapping[str, Any]) -> str:
        """Return the request's path and query, percent-encoded. Raises `InvalidRequest` if a part of it is empty."""
        path = _PATH_FIELD.sub(lambda found: _segment(found[1], fields.get(found[1])), self.path)
        query = {name: _text(fields[name]) for name in self.query if fields.get(name) is not None}
        return f"{path}?{urlencode(query, quote_via=quote)}" if query else path

    def header_fields(self, fields: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers that carry fields. Raises `InvalidRequest` if one cannot be a header's value."""
        return {
            self.headers[name]: header_value(name, fields[name])
            for name in self.headers
            if fields.get(name) is not None
        }

    def body(self, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the fields of the body, or None if this call has none."""
        elsewhere = {*_PATH_FIELD.findall(self.path), *self.query, *self.headers}
        return {name: value for name, value in fields.items() if name not in elsewhere and value is not None} or None


def _segment(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"'{name}' must be a string that is not empty.")
    try:
        encoded = quote(value, safe="")
    except UnicodeEncodeError:
        raise InvalidRequest(f"'{name}' must be Unicode text.") from None
    # A client or a proxy on the way would remove these segments.
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def header_value(name: str, value: Any) -> str:
    """Return the value as a header's. Raises `InvalidRequest`, which does not show it."""
    text = _text(value)
    if not _HEADER_VALUE.fullmatch(text):
        raise InvalidRequest(f"'{name}' must have visible ASCII characters only.")
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_CONDITIONS = {"ifMatch": "If-Match", "ifNoneMatch": "If-None-Match"}
_MERCHANT = "/merchants/{merchant}"
_SHOPIFY_TOKENS = f"{_MERCHANT}/shopify/storefront-access-tokens"
_PREVIEW_ORIGINS = f"/operations{_MERCHANT}/preview-origins"

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            "shopify/storefront_access_token",
            "GET",
            f"{_MERCHANT}/shopify/storefront-access-token",
            headers={"cacheControl": "Cache-Control"},
        ),
        Operation("shopify/list_storefront_access_tokens", "GET", _SHOPIFY_TOKENS),
        Operation(
            "shopify/create_storefront_access_token",
            "POST",
            _SHOPIFY_TOKENS,
            headers={"idempotencyKey": "Idempotency-Key"},
        ),
        Operation("shopify/get_storefront_access_token", "GET", f"{_SHOPIFY_TOKENS}/{{tokenId}}"),
        Operation(
            "shopify/delete_storefront_access_token", "DELETE", f"{_SHOPIFY_TOKENS}/{{tokenId}}", query=("foreign",)
        ),
        Operation("shopify/rotate", "POST", f"{_MERCHANT}/shopify/rotations", longest=55.0),
        Operation("shopify/get_rotation_settings", "GET", f"{_MERCHANT}/shopify/rotation-settings"),
        Operation(
            "shopify/put_rotation_settings", "PUT", f"{_MERCHANT}/shopify/rotation-settings", headers=_CONDITIONS
        ),
        Operation("shopify/reconcile", "POST", f"{_MERCHANT}/shopify/reconciliations"),
        Operation("shopify/migrate_token", "POST", f"/operations{_MERCHANT}/shopify/token-migrations"),
        Operation(
            "fourthwall/public_token",
            "PUT",
            f"{_MERCHANT}/fourthwall/public-token",
            headers={"cacheControl": "Cache-Control"},
        ),
        Operation("fourthwall/rotate", "POST", f"{_MERCHANT}/fourthwall/rotations"),
        Operation("chicksx/public_token", "POST", f"{_MERCHANT}/chicksx/public-tokens"),
        Operation("chicksx/close_session", "POST", f"{_MERCHANT}/chicksx/sessions/{{sessionId}}/close"),
        Operation("chicksx/rotate", "POST", f"{_MERCHANT}/chicksx/rotations"),
        Operation("storefronts/get_trust_policy", "GET", f"{_MERCHANT}/trust-policy"),
        Operation("storefronts/put_trust_policy", "PUT", f"{_MERCHANT}/trust-policy", headers=_CONDITIONS),
        Operation(
            "storefronts/delete_trust_policy", "DELETE", f"{_MERCHANT}/trust-policy", headers={"ifMatch": "If-Match"}
        ),
        Operation("storefronts/allow_preview_origin", "POST", _PREVIEW_ORIGINS),
        Operation("storefronts/list_preview_origins", "GET", _PREVIEW_ORIGINS),
        Operation("storefronts/remove_preview_origin", "DELETE", _PREVIEW_ORIGINS, query=("origin",)),
    )
}

#: What storefronts may call, by the name of the function behind it. No IAM identity is involved.
STOREFRONT_OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("shopify/storefront_access_token", "GET", "/storefront/{merchant}/shopify/storefront-access-token"),
        Operation("fourthwall/public_token", "GET", "/storefront/{merchant}/fourthwall/public-token"),
        Operation("chicksx/public_token", "POST", "/storefront/{merchant}/chicksx/public-tokens"),
    )
}

#: What servers and native apps may call with a proof, by the name of the function behind it.
CLIENT_OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("shopify/storefront_access_token", "GET", "/clients/{merchant}/shopify/storefront-access-token"),
        Operation("fourthwall/public_token", "GET", "/clients/{merchant}/fourthwall/public-token"),
    )
}
