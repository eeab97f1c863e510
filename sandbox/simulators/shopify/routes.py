"""Find the API, the resource and the API version of a path."""

import re
from dataclasses import dataclass

SUPPORTED_VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
FIRST_VERSION = "2019-04"
UNSTABLE = "unstable"

_ROUTE = re.compile(
    r"/admin(?:/api/(?P<version>[^/]+))?"
    r"/(?:(?P<graphql>graphql)|storefront_access_tokens(?:/(?P<token_id>[0-9]{1,30}))?)\.json",
    re.ASCII,
)
_QUARTERLY = re.compile(r"20[0-9]{2}-(?:01|04|07|10)", re.ASCII)


@dataclass(frozen=True)
class Route:
    """Describe a found route.

    `served_version` is None on the unversioned address. `token_id` is None on the collection and for GraphQL.
    """

    served_version: str | None
    token_id: int | None
    graphql: bool


def find_route(path: str) -> Route | None:
    """Return the route, or None for an unknown address or an API version that never existed."""
    match = _ROUTE.fullmatch(path)
    if match is None:
        return None
    token_id = None if match["token_id"] is None else int(match["token_id"])
    graphql = match["graphql"] is not None
    if match["version"] is None:
        return None if graphql else Route(None, token_id, graphql)
    served = serve_version(match["version"])
    return None if served is None else Route(served, token_id, graphql)


def serve_version(requested: str) -> str | None:
    """Return the version that Shopify would serve.

    An expired version becomes the oldest supported one. Returns None for a version that never existed.
    """
    if requested == UNSTABLE or requested in SUPPORTED_VERSIONS:
        return requested
    if _QUARTERLY.fullmatch(requested) and FIRST_VERSION <= requested < SUPPORTED_VERSIONS[0]:
        return SUPPORTED_VERSIONS[0]
    return None
