"""Define Shopify's fixed responses.

`errors` is a string, an array or an object, as in Shopify's own responses.
"""

from collections.abc import Mapping

from sandbox.http_server.messages import Response, json_response
from sandbox.simulators.shopify.installations import TOKEN_LIMIT

UNAUTHORIZED = "[API] Invalid API key or access token (unrecognized login or wrong password)"
SHOP_ERRORS = {
    "payment_required": json_response(402, {"errors": "This shop's plan does not have access to this feature"}),
    "unavailable": json_response(403, {"errors": "Unavailable Shop"}),
    "locked": json_response(423, {"errors": "This shop is unavailable"}),
}
NON_EXPIRING_REFUSED = json_response(
    403,
    {
        "errors": "[API] Non-expiring access tokens are no longer accepted for the Admin API. "
        "Start using expiring offline tokens: https://shopify.dev/"
    },
)
INELIGIBLE = {
    "extendable": json_response(403, {"errors": "App must be extendable to create a storefront access token."}),
    "eligible": json_response(403, {"errors": "Token must be eligible to manage storefront tokens."}),
    "service": json_response(403, {"errors": "Token must be service access."}),
    "channel": json_response(403, {"errors": "App must have a channel record to create a storefront access token."}),
    "empty": Response(403),
}
DELETED = {
    "empty": Response(200),
    "object": json_response(200, {}),
    "text": Response(200, {"Content-Type": "text/html; charset=utf-8"}, b"<p>deleted</p>"),
}
NOT_FOUND = json_response(404, {"errors": "Not Found"})
LIMIT_TEXT = f"Api permission exceeds public access token limit of: {TOKEN_LIMIT}"
LIMIT_REACHED = json_response(400, {"errors": [LIMIT_TEXT]})
PARAMETER_MISSING = json_response(400, {"errors": {"storefront_access_token": "Required parameter missing or invalid"}})
BLANK_TITLE = json_response(422, {"errors": {"title": ["can't be blank"]}})


def approval_missing(scope: str) -> Response:
    return json_response(403, {"errors": f"[API] This action requires merchant approval for {scope} scope."})


def throttled(leak_per_second: float, headers: Mapping[str, str]) -> Response:
    text = (
        f"Exceeded {leak_per_second:g} calls per second for api client. "
        "Reduce request rates to resume uninterrupted service."
    )
    return json_response(429, {"errors": text}, {**headers, "Retry-After": "2.0"})
