"""The account `demo` at the simulated Shopify, and what its app asks there."""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.simulators import ControlClient
from tests.contract.exchanges.playing import Reply, send

PERMANENT = "demo-permanent"
FIRST = "demo-refresh"
ACCOUNT = {
    "shop": "demo.myshopify.com",
    "adminAccessToken": PERMANENT,
    "clientId": "demo-client",
    "clientSecret": "demo-secret",
    "refreshToken": FIRST,
}
TOKENS = "/admin/api/2026-10/storefront_access_tokens"
OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"


@dataclass
class ShopifyAccount:
    base: str
    control: ControlClient

    def put(self, name: str = "demo", **changes: object) -> None:
        self.control.put_account("shopify", name, **ACCOUNT | changes)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.control.state()["shopify"]["demo"]
        return state

    def call(
        self, method: str, path: str, body: object = None, *, token: str = PERMANENT, host: str | None = None
    ) -> Reply:
        headers = {"X-Shopify-Access-Token": token, "Content-Type": "application/json"}
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(self.base, method, path, headers=headers | ({"Host": host} if host else {}), body=sent)

    def create(self, title: str = "Test") -> Reply:
        return self.call("POST", f"{TOKENS}.json", {"storefront_access_token": {"title": title}})

    def listing(self, token: str = PERMANENT, host: str | None = None) -> Reply:
        return self.call("GET", f"{TOKENS}.json", token=token, host=host)

    def graphql(self, query: str, version: str = "/api/2026-10", **variables: Any) -> Reply:
        return self.call("POST", f"/admin{version}/graphql.json", {"query": query, "variables": variables})

    def grant(self, grant_type: str = "client_credentials", host: str | None = None, **fields: object) -> Reply:
        client = {"client_id": "demo-client", "client_secret": "demo-secret", "grant_type": grant_type}
        return self.call("POST", "/admin/oauth/access_token", client | fields, host=host)

    def refresh(self, refresh_token: object, **fields: Any) -> Reply:
        return self.grant("refresh_token", refresh_token=refresh_token, **fields)

    def migrate(self, **changes: object) -> Reply:
        wanted = {"subject_token": PERMANENT, "subject_token_type": OFFLINE, "requested_token_type": OFFLINE}
        return self.grant(
            "urn:ietf:params:oauth:grant-type:token-exchange", None, **wanted | {"expiring": "1"} | changes
        )
