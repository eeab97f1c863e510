"""Define what the client needs of Shopify's Admin API, and send the requests of its two transports.

Each request has the header `X-Shopify-Access-Token`. The source of the version headers is public client libraries (seen
2026-11-21).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from token_broker.errors import ProviderReply
from token_broker.http.client import Request
from token_broker.http.redaction import redact
from token_broker.providers.shopify.account import UNVERSIONED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_broker.clock import Deadline
    from token_broker.errors import ProviderFailure
    from token_broker.http.client import HttpClient, HttpResponse
    from token_broker.ports.provider import Account
    from token_broker.ports.telemetry import Telemetry
    from token_broker.providers.shopify.admin_token import AdminTokens

#: Seconds to keep for a list request after a create whose response was lost.
LOOKUP_RESERVE = 3.0


class AdminApi(Protocol):
    """Create, list and delete storefront tokens. A token has the members of Shopify's REST API, which are unchecked."""

    def create(self, account: Account, title: str | None, deadline: Deadline) -> Mapping[str, Any]:
        """Create a token."""

    def list_tokens(self, account: Account, deadline: Deadline) -> Sequence[Mapping[str, Any]]:
        """Return all tokens of this app at the shop."""

    def delete(self, account: Account, token_id: str, deadline: Deadline) -> ProviderFailure | None:
        """Delete the token. Return Shopify's refusal if the token may have ended already."""


class AdminRequests:
    """Send requests with the account's admin token."""

    def __init__(self, http: HttpClient, base_url: str, admin_tokens: AdminTokens, telemetry: Telemetry) -> None:
        self.clock = http.clock
        self._http = http
        self._base_url = base_url
        self._telemetry = telemetry
        self._admin_tokens = admin_tokens

    def send(
        self,
        method: str,
        path: str,
        account: Account,
        deadline: Deadline,
        *,
        version: str,
        repeatable: bool,
        body: Mapping[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the response with any status. After a request that is not repeatable, time is left for a list."""
        base_url = self._base_url.replace("{shop}", account.settings["shop"])
        admin = "/admin" if version == UNVERSIONED else f"/admin/api/{version}"
        headers = {"X-Shopify-Access-Token": self._admin_tokens.get(account, deadline)}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(
            method,
            f"{base_url}{admin}/{path}",
            headers,
            None if body is None else json.dumps(body).encode(),
            repeatable=repeatable,
            reserve=0.0 if repeatable else LOOKUP_RESERVE,
        )
        response = self._http.send(request, deadline)
        self._log_version(version, response, self.secrets(account))
        return response

    def secrets(self, account: Account) -> tuple[str, ...]:
        """Return the values to redact, including the granted admin token."""
        return (*account.secrets(), *self._admin_tokens.known(account))

    def invalidate_credentials(self, account: Account) -> None:
        """Drop the admin token that was granted to this account."""
        self._admin_tokens.invalidate_credentials(account)

    def reply(self, response: HttpResponse, account: Account) -> ProviderReply:
        """Return a refusal's status and its `errors` (a string, an array or an object of arrays) on one line."""
        body = response.json()
        texts = _texts(body.get("errors")) if isinstance(body, dict) else []
        message = redact("; ".join(texts), self.secrets(account)) if texts else None
        return ProviderReply(response.status, None, message)

    def _log_version(self, asked: str, response: HttpResponse, secrets: tuple[str, ...]) -> None:
        served = response.headers.get("x-shopify-api-version")
        if served is not None and asked not in (served, UNVERSIONED):
            self._telemetry.notice("shopify_version_fallback", asked=asked, served=redact(served, secrets))
        if reason := response.headers.get("x-shopify-api-deprecated-reason"):
            self._telemetry.notice("shopify_api_deprecated", asked=asked, reason=redact(reason, secrets))


def numbered_version(account: Account, default: str) -> str:
    """Return the account's API version, or the default if the account uses the unversioned REST address."""
    asked = account.settings["apiVersion"]
    return default if asked == UNVERSIONED else asked


def _texts(errors: Any, name: str = "", depth: int = 0) -> list[str]:
    if isinstance(errors, str):
        return [f"{name}: {errors}" if name else errors]
    if depth > 3:
        return []
    if isinstance(errors, list):
        return [text for each in errors for text in _texts(each, name, depth + 1)]
    if isinstance(errors, dict):
        return [text for key, each in errors.items() for text in _texts(each, str(key), depth + 1)]
    return []
