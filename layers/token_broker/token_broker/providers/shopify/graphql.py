"""Create, list and delete storefront access tokens over Shopify's GraphQL Admin API.

    POST {base}/admin/api/{version}/graphql.json        {"query": …, "variables": {…}}

Most refusals have the status 200. `errors` says that nothing was done (`ACCESS_DENIED`, `THROTTLED`) or that the server
failed. `userErrors` has the refusals of a mutation, without codes. An app that may not list gets an empty list.

The sources are the schema of the GraphQL Admin API 2026-07 and recorded responses (seen 2026-11-28). They do not show
the texts of `userErrors` at the limit of tokens and for an unknown id.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from token_broker.errors import (
    ProviderError,
    ProviderFailure,
    ProviderReply,
    ProviderThrottled,
    RequestOutcome,
    TokenLimitReached,
)
from token_broker.http.client import MIN_SECONDS_LEFT, malformed_response
from token_broker.http.redaction import redact
from token_broker.http.responses import require_object
from token_broker.providers.shopify.admin_api import numbered_version
from token_broker.providers.shopify.refusals import (
    LIMIT_REACHED,
    NOT_ELIGIBLE,
    AppNotEligible,
    error_from_admin_refusal,
    error_from_create_refusal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_broker.clock import Deadline
    from token_broker.http.client import HttpResponse
    from token_broker.ports.provider import Account
    from token_broker.providers.shopify.admin_api import AdminRequests

#: More pages than the limit of tokens needs.
MAX_PAGES = 20
#: Tries of a page that Shopify throttles.
TRIES = 3
LONGEST_WAIT = 86_400

CREATE = """mutation($input: StorefrontAccessTokenInput!) { storefrontAccessTokenCreate(input: $input) {
  storefrontAccessToken { id title accessToken createdAt accessScopes { handle } }
  userErrors { field message } } }"""
DELETE = """mutation($input: StorefrontAccessTokenDeleteInput!) { storefrontAccessTokenDelete(input: $input) {
  deletedStorefrontAccessTokenId userErrors { field message } } }"""
LIST = """query($after: String) { shop { storefrontAccessTokens(first: 100, after: $after) {
  nodes { id title accessToken createdAt accessScopes { handle } } pageInfo { hasNextPage endCursor } } }
  currentAppInstallation { accessScopes { handle } } }"""

_GID = "gid://shopify/StorefrontAccessToken/"
_EMPTY_LIST = "Shopify returned an empty list, which it also does for an app that may not list. "


class GraphqlApi:
    """Send GraphQL documents. `version` is the API version for accounts that use the unversioned REST address."""

    def __init__(self, requests: AdminRequests, version: str) -> None:
        self._requests = requests
        self._version = version

    def create(self, account: Account, title: str | None, deadline: Deadline) -> Mapping[str, Any]:
        """Create a token."""
        response = self._send(CREATE, {"input": {"title": title}}, account, deadline, repeatable=False)
        if response.status != 200:
            raise error_from_create_refusal(response, self._requests.reply(response, account))
        payload = self._payload(response, "storefrontAccessTokenCreate", account)
        created = payload.get("storefrontAccessToken")
        if isinstance(created, dict):
            return _entry(created)
        rejection = self._rejection(payload, account)
        if "limit" in (rejection.message or "").casefold():
            raise TokenLimitReached(LIMIT_REACHED, reply=rejection)
        raise ProviderError("The provider rejected the request.", reply=rejection)

    def list_tokens(self, account: Account, deadline: Deadline) -> Sequence[Mapping[str, Any]]:
        """Return all tokens of this app at the shop. Raises `AppNotEligible` if an empty list proves nothing."""
        entries: list[Mapping[str, Any]] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            data = self._page(after, account, deadline)
            connection = require_object(require_object(data, "shop"), "storefrontAccessTokens")
            entries.extend(_entry(node) for node in _objects(connection, "nodes"))
            page = require_object(connection, "pageInfo")
            if page.get("hasNextPage") is False:
                if not entries and not _may_list(data):
                    raise AppNotEligible(_EMPTY_LIST + NOT_ELIGIBLE, reply=ProviderReply(200))
                return entries
            after = page.get("endCursor")
            if not isinstance(after, str):
                raise malformed_response("its page has neither an end nor a cursor")
        raise malformed_response(f"its list has more than {MAX_PAGES} pages")

    def delete(self, account: Account, token_id: str, deadline: Deadline) -> ProviderFailure | None:
        """Delete the token. Return the refusal if it is in `userErrors`, as for an unknown id."""
        response = self._send(DELETE, {"input": {"id": f"{_GID}{token_id}"}}, account, deadline, repeatable=True)
        if response.status != 200:
            raise error_from_admin_refusal(response, self._requests.reply(response, account))
        payload = self._payload(response, "storefrontAccessTokenDelete", account)
        if isinstance(payload.get("deletedStorefrontAccessTokenId"), str):
            return None
        return ProviderError("The provider rejected the request.", reply=self._rejection(payload, account))

    def _page(self, after: str | None, account: Account, deadline: Deadline) -> Mapping[str, Any]:
        """Return the data of one page. A throttled request is repeated if its wait fits into the time left."""
        for attempt in range(1, TRIES + 1):
            response = self._send(LIST, {"after": after}, account, deadline, repeatable=True)
            if response.status != 200:
                raise error_from_admin_refusal(response, self._requests.reply(response, account))
            body = response.json()
            if isinstance(body, dict) and not body.get("errors"):
                return require_object(body, "data")
            failure = self._failure(body, account)
            wait = failure.retry_after  # only a throttle has one
            if wait is None or attempt == TRIES or deadline.left() <= wait + MIN_SECONDS_LEFT:
                raise failure
            self._requests.clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _send(
        self, document: str, variables: Mapping[str, Any], account: Account, deadline: Deadline, *, repeatable: bool
    ) -> HttpResponse:
        return self._requests.send(
            "POST",
            "graphql.json",
            account,
            deadline,
            version=numbered_version(account, self._version),
            repeatable=repeatable,
            body={"query": document, "variables": variables},
        )

    def _payload(self, response: HttpResponse, mutation: str, account: Account) -> Mapping[str, Any]:
        """Return the mutation's result, or raise the failure. Errors beside a result do not undo what was done."""
        body = response.json()
        data = body.get("data") if isinstance(body, dict) else None
        payload = data.get(mutation) if isinstance(data, dict) else None
        if isinstance(payload, dict):
            return payload
        raise self._failure(body, account)

    def _failure(self, body: Any, account: Account) -> ProviderFailure:
        """Return the failure that the top-level `errors` report."""
        errors = body.get("errors") if isinstance(body, dict) else None
        if not isinstance(errors, list) or not errors:
            return malformed_response("it has neither data nor errors")
        codes = [_object(each, "extensions").get("code") for each in errors if isinstance(each, dict)]
        code = next((redact(each, self._requests.secrets(account)) for each in codes if isinstance(each, str)), None)
        reply = ProviderReply(200, code, self._messages(errors, account))
        if "ACCESS_DENIED" in codes:
            return AppNotEligible(NOT_ELIGIBLE, reply=reply)
        if "THROTTLED" in codes:
            return ProviderThrottled(
                "The provider limits the rate of requests for this merchant. Try again after the stated time.",
                reply=reply,
                retry_after=_wait(body),
            )
        return ProviderError(
            "The provider did not complete the request.", reply=reply, request_outcome=RequestOutcome.UNKNOWN
        )

    def _rejection(self, payload: Mapping[str, Any], account: Account) -> ProviderReply:
        """Return what the mutation's `userErrors` say. Raises `ProviderError` if they say nothing."""
        errors = _objects(payload, "userErrors")
        if not errors:
            raise malformed_response("it has neither a result nor errors")
        return ProviderReply(200, None, self._messages(errors, account))

    def _messages(self, errors: Sequence[Any], account: Account) -> str | None:
        messages = [each.get("message") for each in errors if isinstance(each, dict)]
        texts = [text for text in messages if isinstance(text, str)]
        return redact("; ".join(texts), self._requests.secrets(account)) if texts else None


def _entry(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the token with the names that the REST API has for its members."""
    gid = node.get("id")
    if not isinstance(gid, str):
        raise malformed_response("'id' is not a token's id")
    return {
        "id": gid.rpartition("/")[2],
        "admin_graphql_api_id": gid,
        "title": node.get("title"),
        "access_token": node.get("accessToken"),
        "access_scope": ",".join(_handles(node)),
        "created_at": node.get("createdAt"),
    }


def _may_list(data: Mapping[str, Any]) -> bool:
    """Return whether the answer shows a scope that lets the app have storefront tokens."""
    installation = data.get("currentAppInstallation")
    handles = _handles(installation) if isinstance(installation, dict) else []
    return any(handle.startswith("unauthenticated_") for handle in handles)


def _handles(data: Mapping[str, Any]) -> list[str]:
    if data.get("accessScopes") is None:
        return []
    scopes = _objects(data, "accessScopes")
    handles = [handle for scope in scopes if isinstance(handle := scope.get("handle"), str)]
    if len(handles) < len(scopes):
        raise malformed_response("'accessScopes' has a scope without a handle")
    return handles


def _objects(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = data.get(name)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise malformed_response(f"it has no list '{name}'")
    return values


def _wait(body: Mapping[str, Any]) -> int:
    """Return the seconds until the app has the points that the request costs, or 1 if Shopify does not say."""
    cost = _object(_object(body, "extensions"), "cost")
    status = _object(cost, "throttleStatus")
    missing = _points(cost, "requestedQueryCost") - _points(status, "currentlyAvailable")
    rate = _points(status, "restoreRate")
    return ceil(min(max(missing / rate, 1), LONGEST_WAIT)) if rate else 1


def _object(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _points(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    return value if isinstance(value, int | float) and 0 < value <= 10**9 else 0
