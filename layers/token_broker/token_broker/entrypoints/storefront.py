"""The way in for browsers and apps: `/storefront/{merchant}/…` behind a Lambda authorizer.

What a storefront sends is its merchant, its session and scopes, and nothing else: it cannot pass a cache by. Answers
name the page's own origin, if it is one of the merchant's. A shop's token stands in every page anyway, so it may be
cached for a short time; a session's token never.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

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

#: Seconds for which a browser or a CDN may answer with a shop's token. With a function's memory (30 s) in front of it,
#: a token that was revoked can be met for a minute.
MAX_AGE = 30

#: What a page's JavaScript may read beside the body.
EXPOSED_HEADERS = "ETag, Retry-After, X-Request-Id, x-amzn-RequestId"


_INNER = "The token cannot be had just now. The merchant's operator finds why under this request's id."


class StorefrontAdapter(ApiGatewayAdapter):
    """One request of a storefront."""

    entry_point: ClassVar = "storefront"

    def caller(self) -> str:
        """The page's origin: for the records; what it may have is in the grant."""
        return STOREFRONT + (self._origin() or "without an origin")

    def grant(self) -> Grant:
        """What the authorizer passed on, held against the page's origin."""
        if (origin := self._origin()) is not None and origin not in self._granted.origins:
            raise Forbidden("The merchant's trust policy does not name the origin of this page.")
        return self._granted

    def raw_fields(self, kind: type[Input]) -> dict[str, Any]:
        """Path and body fields; a browser's own headers ask for nothing here."""
        from_headers = {source.name for source in sources(kind).values() if source.location == "header"}
        return {name: value for name, value in super().raw_fields(kind).items() if name not in from_headers}

    def respond(self, reply: Reply) -> dict[str, Any]:
        """A token: with an ETag and a short life where it is the shop's, so that a browser need not ask again."""
        body = to_json(reply.as_json())
        if self._event["httpMethod"] != "GET":
            return proxy_response(reply.status, body, "application/json", self._headers())
        tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        headers = {**self._headers(), "Cache-Control": f"public, max-age={MAX_AGE}", "ETag": tag}
        if {tag, "*"} & set(_tags(self._header("if-none-match"))):
            return proxy_response(304, "", "application/json", headers)
        return proxy_response(reply.status, body, "application/json", headers)

    def reject(self, error: BrokerError) -> dict[str, Any]:
        """A problem document without what is the merchant's business: its secret, its account, the provider's words."""
        problem = error.problem(self.request_id)
        problem.pop("provider", None)
        if isinstance(error, MerchantNotFound | MerchantMisconfigured | ProviderFailure):
            problem["detail"] = _INNER
        headers = {**self._headers(), **response_headers(error)}
        return proxy_response(error.status, to_json(problem), "application/problem+json", headers)

    @cached_property
    def _granted(self) -> Grant:
        return Grant.from_context(self._context.get("authorizer"))

    def _origin(self) -> str | None:
        return self._header("origin")

    def _headers(self) -> Mapping[str, str]:
        """CORS, for the merchant's own pages; never with credentials."""
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
    """The tags of an If-None-Match header; a weak one names the same body."""
    return [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
