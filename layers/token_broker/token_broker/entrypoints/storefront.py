"""Read requests of browsers and apps to `/storefront/{merchant}/…`, which a Lambda authorizer has admitted.

A storefront sends its merchant, its session and its scopes only, so it cannot skip a cache. A response names the page's
origin if the merchant's trust policy does. A shop's token is in every page anyway, so a response with it can be cached
for a short time. A response with a session's token is never cached.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from token_broker.domain.caller import STOREFRONT
from token_broker.domain.grant import Grant
from token_broker.entrypoints.adapter import Reply
from token_broker.entrypoints.api_gateway import ApiGatewayAdapter, proxy_response, to_json
from token_broker.entrypoints.inputs import Input, sources
from token_broker.errors import (
    BrokerError,
    Forbidden,
    MerchantMisconfigured,
    MerchantNotFound,
    ProviderFailure,
    Unauthenticated,
    response_headers,
)

#: Seconds for which a browser or a CDN may cache a shop's token. The function's own cache adds 30 s, so a revoked token
#: can be served for a minute.
MAX_AGE = 30

#: The headers that a page's JavaScript can read.
EXPOSED_HEADERS = "Date, ETag, Retry-After, X-Request-Id, x-amzn-RequestId"

#: Replaces details about the merchant's secret, account or provider.
_NEUTRAL_DETAIL = "The token is not available now. The merchant's operator finds the reason by this request's id."


class StorefrontAdapter(ApiGatewayAdapter):
    """Adapt one request of a storefront. `sharing` says which caches may keep a shop's token."""

    sharing = "public"

    def caller(self) -> str:
        """Return the page's origin, for the records only. The grant says what the page may have."""
        return STOREFRONT + (self._origin() or "without an origin")

    def grant(self) -> Grant:
        """Return the authorizer's grant. Raises `Forbidden` if it is a client's or does not name the page's origin."""
        if self._granted.client_until is not None:
            raise Forbidden("A client's proof is for the routes under /clients only.")
        if (origin := self._origin()) is not None and origin not in self._granted.origins:
            raise Forbidden("The merchant's trust policy does not name the origin of this page.")
        return self._granted

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Return the fields that do not come from headers, since browsers add headers by themselves."""
        from_headers = {source.name for source in sources(kind).values() if source.location == "header"}
        return {name: value for name, value in super().raw_fields(kind).items() if name not in from_headers}

    def respond(self, reply: Reply) -> dict[str, Any]:
        """Return a token. A shop's token has an ETag, and browsers may cache it for a short time."""
        body = to_json(reply.as_json())
        if self._event["httpMethod"] != "GET":
            return proxy_response(reply.status, body, "application/json", self._headers())
        tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        headers = {**self._headers(), "Cache-Control": f"{self.sharing}, max-age={MAX_AGE}", "ETag": tag}
        if {tag, "*"} & set(_tags(self._header("if-none-match"))):
            return proxy_response(304, "", "application/json", headers)
        return proxy_response(reply.status, body, "application/json", headers)

    def reject(self, error: BrokerError) -> dict[str, Any]:
        """Return a problem document without details of the merchant's secret, its account or the provider."""
        problem = error.problem(self.request_id)
        problem.pop("provider", None)
        if isinstance(error, MerchantNotFound | MerchantMisconfigured | ProviderFailure):
            problem["detail"] = _NEUTRAL_DETAIL
        headers = {**self._headers(), **response_headers(error)}
        return proxy_response(error.status, to_json(problem), "application/problem+json", headers)

    @cached_property
    def _granted(self) -> Grant:
        return Grant.from_context(self._context.get("authorizer"))

    def _origin(self) -> str | None:
        return self._header("origin")

    def _headers(self) -> Mapping[str, str]:
        """Return the CORS headers for the merchant's own pages, never with credentials."""
        headers = {"Vary": "Origin", "X-Request-Id": self.request_id}
        try:
            allowed = self._granted.origins
        except Unauthenticated:
            allowed = ()
        origin = self._origin()
        if origin is not None and origin in allowed:
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}
        return headers


def _tags(if_none_match: str | None) -> list[str]:
    """Return the tags of an If-None-Match header. A weak tag counts as its strong one."""
    return [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
