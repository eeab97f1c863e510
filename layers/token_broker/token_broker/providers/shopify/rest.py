"""Create, list and delete storefront access tokens over Shopify's REST Admin API.

    POST   {base}/admin/api/{version}/storefront_access_tokens.json        {"storefront_access_token": {"title": …}}
    GET    {base}/admin/api/{version}/storefront_access_tokens.json
    DELETE {base}/admin/api/{version}/storefront_access_tokens/{id}.json

The older unversioned address has no `/api/{version}`, and its responses have no `admin_graphql_api_id`. `errors` is a
string, an array or an object. A delete responds with 200 and an empty body, `{}`, or a body that is not JSON.

The sources are the pages "StorefrontAccessToken" of the versioned Admin REST API and "Storefront Access Token" of the
unversioned one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_broker.http.client import malformed_response
from token_broker.http.responses import require_object
from token_broker.providers.shopify.refusals import error_from_admin_refusal, error_from_create_refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_broker.clock import Deadline
    from token_broker.errors import ProviderFailure
    from token_broker.http.client import HttpResponse
    from token_broker.ports.provider import Account
    from token_broker.providers.shopify.admin_api import AdminRequests

_COLLECTION = "storefront_access_tokens.json"


class RestApi:
    """Exchange JSON with the REST resource."""

    def __init__(self, requests: AdminRequests) -> None:
        self._requests = requests

    def create(self, account: Account, title: str | None, deadline: Deadline) -> Mapping[str, Any]:
        """Create a token."""
        response = self._requests.send(
            "POST",
            _COLLECTION,
            account,
            deadline,
            version=account.settings["apiVersion"],
            repeatable=False,
            body={"storefront_access_token": {"title": title}},
        )
        if response.status not in (200, 201):
            raise error_from_create_refusal(response, self._requests.reply(response, account))
        return require_object(response.json(), "storefront_access_token")

    def list_tokens(self, account: Account, deadline: Deadline) -> Sequence[Mapping[str, Any]]:
        """Return all tokens of this app at the shop."""
        response = self._repeatable("GET", _COLLECTION, account, deadline)
        if response.status != 200:
            raise error_from_admin_refusal(response, self._requests.reply(response, account))
        body = response.json()
        entries = body.get("storefront_access_tokens") if isinstance(body, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise malformed_response("it has no list 'storefront_access_tokens'")
        return entries

    def delete(self, account: Account, token_id: str, deadline: Deadline) -> ProviderFailure | None:
        """Delete the token. Return the refusal if it is a 404, which a wrong API version gets as well."""
        response = self._repeatable("DELETE", f"storefront_access_tokens/{token_id}.json", account, deadline)
        if response.status in (200, 204):
            return None
        refusal = error_from_admin_refusal(response, self._requests.reply(response, account))
        if response.status == 404:
            return refusal
        raise refusal

    def _repeatable(self, method: str, path: str, account: Account, deadline: Deadline) -> HttpResponse:
        version = account.settings["apiVersion"]
        return self._requests.send(method, path, account, deadline, version=version, repeatable=True)
