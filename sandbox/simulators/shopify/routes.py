"""Shopify's addresses: which resource and which API version a path asks for."""

import re
from dataclasses import dataclass

SUPPORTED_VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
FIRST_VERSION = "2019-04"
UNSTABLE = "unstable"

_ROUTE = re.compile(
    r"/admin(?:/api/(?P<version>[^/]+))?/storefront_access_tokens(?:/(?P<token_id>[0-9]{1,30}))?\.json",
    re.ASCII,
)
_QUARTERLY = re.compile(r"20[0-9]{2}-(?:01|04|07|10)", re.ASCII)


@dataclass(frozen=True)
class Route:
    """`served_version` is None on the unversioned address; `token_id` is None on the collection."""

    served_version: str | None
    token_id: int | None


def find_route(path: str) -> Route | None:
    """None for an address that Shopify doesn't have, an API version that never existed included."""
    match = _ROUTE.fullmatch(path)
    if match is None:
        return None
    token_id = None if match["token_id"] is None else int(match["token_id"])
    if match["version"] is None:
        return Route(None, token_id)
    served = serve_version(match["version"])
    return None if served is None else Route(served, token_id)


def serve_version(asked: str) -> str | None:
    """An expired version falls forward to the oldest supported one; None for one that never existed."""
    if asked == UNSTABLE or asked in SUPPORTED_VERSIONS:
        return asked
    if _QUARTERLY.fullmatch(asked) and FIRST_VERSION <= asked < SUPPORTED_VERSIONS[0]:
        return SUPPORTED_VERSIONS[0]
    return None
