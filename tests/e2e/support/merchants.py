"""Merchants made for one test each: an account at the simulator and, where the test wants one, the secret to it."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulators import ControlClient


@dataclass(frozen=True)
class Merchant:
    """`secret` holds the fields of the merchant's secret."""

    provider: str
    name: str
    secret: Mapping[str, str]


@dataclass
class Merchants:
    """Makes them. `values` collects every credential that was ever put into a secret: none may turn up elsewhere."""

    control: ControlClient
    manager: Any
    prefix: str
    values: set[str] = field(default_factory=set)

    def fourthwall(self) -> Merchant:
        """With an API key's username and password."""
        return self._make("fourthwall", {"username": f"fw_api_{_random()}", "password": _random()})

    def fourthwall_with_token(self) -> Merchant:
        """With an OAuth access token."""
        return self._make("fourthwall", {"accessToken": _random()})

    def chicksx(self, **account: object) -> Merchant:
        return self._make("chicksx", {"apiKey": _random(), "clientId": _random()}, **account)

    def shopify(self, *, api_version: str | None = None, **account: object) -> Merchant:
        """With a permanent admin token; `account` as in the simulators' README."""
        version = {} if api_version is None else {"apiVersion": api_version}
        return self._make("shopify", {"adminAccessToken": f"shpat_{_random()}", **version}, **account)

    def shopify_with_client(self) -> Merchant:
        """With a client id and secret, which buy a 24-hour admin token."""
        return self._make("shopify", {"clientId": _random(), "clientSecret": f"shpss_{_random()}"})

    def public_app(self) -> Merchant:
        """At Shopify, with the refresh token of a public app, whose credentials have a secret of their own."""
        return self._make_with_app({"refreshToken": f"shprt_{_random()}"})

    def to_migrate(self) -> Merchant:
        """At Shopify, with a permanent token of a public app."""
        return self._make_with_app({"adminAccessToken": f"shpat_{_random()}"})

    def of(self, kind: str) -> Merchant:
        """One of that provider in its most usual form, or one of a kind with expiring credentials."""
        makers = {
            "fourthwall": self.fourthwall,
            "chicksx": self.chicksx,
            "shopify": self.shopify,
            "public app": self.public_app,
            "to migrate": self.to_migrate,
        }
        return makers[kind]()

    def nobody(self) -> str:
        """Return a name that no merchant has."""
        return f"nobody-{secrets.token_hex(4)}"

    def change_credentials(self, merchant: Merchant, *, tell: bool = True) -> Merchant:
        """Change the credentials that the provider accepts; `tell` writes them into the secret too."""
        fixed = ("shop", "apiVersion")
        changed = {name: old if name in fixed else f"{old[:6]}{_random()}" for name, old in merchant.secret.items()}
        renewed = Merchant(merchant.provider, merchant.name, changed)
        self._open(renewed)
        if tell:
            self.rewrite(renewed.provider, renewed.name, json.dumps(changed))
        return renewed

    def store(self, provider: str, name: str, text: str | bytes) -> None:
        """Create a secret with the given content."""
        content = {"SecretBinary": text} if isinstance(text, bytes) else {"SecretString": text}
        self.manager.create_secret(Name=self.secret_name(provider, name), **content)

    def rewrite(self, provider: str, name: str, text: str) -> None:
        """Another content for a secret that exists."""
        self.manager.put_secret_value(SecretId=self.secret_name(provider, name), SecretString=text)

    def secret_name(self, provider: str, name: str) -> str:
        return f"{self.prefix}/{provider}/{name}"

    def _make(self, provider: str, credentials: dict[str, str], **account: object) -> Merchant:
        name = f"shop-{secrets.token_hex(4)}"
        if provider == "shopify":
            credentials = {"shop": f"{name}.myshopify.com", **credentials}
        merchant = Merchant(provider, name, credentials)
        self._open(merchant, **account)
        self.store(provider, name, json.dumps(credentials))
        return merchant

    def _make_with_app(self, token: dict[str, str]) -> Merchant:
        """Create a merchant whose app has the merchant's name."""
        name = f"shop-{secrets.token_hex(4)}"
        app = {"clientId": _random(), "clientSecret": f"shpss_{_random()}"}
        merchant = Merchant("shopify", name, {"shop": f"{name}.myshopify.com", "app": name, **token})
        self._open(merchant, **app)
        self.values |= set(app.values())
        self.store("shopify-app", name, json.dumps(app))
        self.store("shopify", name, json.dumps(dict(merchant.secret)))
        return merchant

    def pairs(self, merchant: Merchant) -> dict[str, dict[str, Any]]:
        """Return what the broker keeps of the merchant's pairs, by version id. Their values are collected, too."""
        name = self.secret_name("shopify-session", merchant.name)
        found = {}
        for version in self.manager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]:
            stored = self.manager.get_secret_value(SecretId=name, VersionId=version["VersionId"])
            found[version["VersionId"]] = json.loads(stored["SecretString"])
        self.values |= {pair[each] for pair in found.values() for each in ("accessToken", "refreshToken")}
        return found

    def _open(self, merchant: Merchant, **account: object) -> None:
        fields = {name: value for name, value in merchant.secret.items() if name not in ("app", "apiVersion")}
        self.values |= {value for name, value in fields.items() if name != "shop"}
        self.control.put_account(merchant.provider, merchant.name, **{**fields, **account})


def _random() -> str:
    return secrets.token_hex(16)
