"""Simulate Shopify's REST resource StorefrontAccessToken, versioned and unversioned.

The unversioned responses have no `admin_graphql_api_id`.
"""

from collections.abc import Callable
from dataclasses import replace

from sandbox.http_server.messages import JSON_TYPE, Request, Response, json_response, parse_json
from sandbox.simulators.shopify.installations import TOKEN_LIMIT, Installation
from sandbox.simulators.shopify.responses import (
    BLANK_TITLE,
    DELETED,
    INELIGIBLE,
    LIMIT_REACHED,
    NOT_FOUND,
    PARAMETER_MISSING,
    throttled,
)
from sandbox.simulators.shopify.routes import Route


def respond(
    request: Request, route: Route, installation: Installation, now: float, free_id: Callable[[], int]
) -> Response:
    """Return the response to an app that may call the Admin API."""
    accepted = installation.bucket.take(now)
    limit = {"X-Shopify-Shop-Api-Call-Limit": installation.bucket.shown()}
    if not accepted:
        return throttled(installation.account.leak_per_second, limit)
    response = _operate(request, route, installation, now, free_id)
    return replace(response, headers={**response.headers, **limit})


def _operate(
    request: Request, route: Route, installation: Installation, now: float, free_id: Callable[[], int]
) -> Response:
    versioned = route.served_version is not None
    if route.token_id is None and request.method == "GET":
        tokens = [token.as_json(versioned) for token in installation.tokens.values()]
        return json_response(200, {"storefront_access_tokens": tokens})
    if route.token_id is None and request.method == "POST":
        return _create(request, versioned, installation, now, free_id)
    if route.token_id is not None and request.method == "DELETE":
        deleted = installation.delete(route.token_id)
        return DELETED[installation.account.delete_response] if deleted else NOT_FOUND
    return NOT_FOUND


def _create(
    request: Request, versioned: bool, installation: Installation, now: float, free_id: Callable[[], int]
) -> Response:
    if not installation.account.token_scope:
        return INELIGIBLE[installation.account.ineligible_response]
    title = _read_title(request)
    if isinstance(title, Response):
        return title
    if len(installation.tokens) >= TOKEN_LIMIT:
        return LIMIT_REACHED
    token = installation.mint(title, now, free_id())
    return json_response(200, {"storefront_access_token": token.as_json(versioned)})


def _read_title(request: Request) -> str | Response:
    """Return the title of the token to create, or the error response for this body."""
    try:
        body = parse_json(request.body)
    except ValueError:
        return PARAMETER_MISSING
    wanted = body.get("storefront_access_token") if isinstance(body, dict) else None
    title = wanted.get("title") if isinstance(wanted, dict) else None
    if request.media_type != JSON_TYPE or not isinstance(wanted, dict) or not isinstance(title, str | None):
        return PARAMETER_MISSING
    return BLANK_TITLE if title is None or not title.strip() else title
