"""Keep an app's installation on one Shopify shop: its tokens, its rate bucket and its counters."""

import math
import secrets
from dataclasses import dataclass, field

from sandbox.http_server.messages import fingerprint
from sandbox.simulators.clock import shop_time
from sandbox.simulators.shopify.accounts import Account
from sandbox.simulators.shopify.expiring_tokens import ExpiringTokens

TOKEN_LIMIT = 100


@dataclass(frozen=True)
class StorefrontToken:
    token_id: int
    access_token: str
    access_scope: str
    created_at: str
    title: str
    planted: bool

    @property
    def graphql_id(self) -> str:
        return f"gid://shopify/StorefrontAccessToken/{self.token_id}"

    def as_json(self, versioned: bool) -> dict[str, object]:
        shown: dict[str, object] = {
            "access_token": self.access_token,
            "access_scope": self.access_scope,
            "created_at": self.created_at,
            "id": self.token_id,
        }
        if versioned:
            shown["admin_graphql_api_id"] = self.graphql_id
        return {**shown, "title": self.title}


@dataclass
class Bucket:
    """Count calls in Shopify's leaky bucket.

    Each call adds its cost, and `leak` drains away each second.
    """

    size: int
    leak: float
    level: float = 0.0
    at: float = 0.0

    def take(self, now: float, cost: int = 1) -> bool:
        self.level = max(0.0, self.level - self.leak * max(0.0, now - self.at))
        self.at = now
        if self.level + cost > self.size:
            return False
        self.level += cost
        return True

    def shown(self) -> str:
        return f"{math.ceil(self.level)}/{self.size}"


@dataclass
class Installation:
    """Hold what an app has on a shop.

    `admin_tokens` are those obtained with client credentials, with their expiry.
    """

    account: Account
    bucket: Bucket
    graphql_bucket: Bucket
    tokens: dict[int, StorefrontToken] = field(default_factory=dict)
    admin_tokens: dict[str, float] = field(default_factory=dict)
    expiring: ExpiringTokens = field(default_factory=ExpiringTokens)
    mints: int = 0
    deletes: int = 0
    exchanges: int = 0

    @classmethod
    def create(cls, account: Account, now: float) -> "Installation":
        installation = cls(
            account,
            Bucket(account.bucket_size, account.leak_per_second),
            Bucket(account.graphql_bucket, account.graphql_restore),
        )
        if account.refresh_token is not None:
            installation.expiring.authorize(now, account.refresh_token)
        return installation

    def replace(self, account: Account, now: float) -> None:
        """Change credentials or modes.

        Another client id ends every token that was obtained. A client secret that is no longer accepted ends those
        obtained with client credentials. Another refresh token is a new authorization.
        """
        before, self.account = self.account, account
        if before.client_id != account.client_id:
            self.expiring.end()
        if before.client_id != account.client_id or before.client_secret not in account.client_secrets:
            self.admin_tokens.clear()
        if account.refresh_token not in (None, before.refresh_token):
            self.expiring.authorize(now, account.refresh_token)
        if (before.bucket_size, before.leak_per_second) != (account.bucket_size, account.leak_per_second):
            self.bucket = Bucket(account.bucket_size, account.leak_per_second)
        if (before.graphql_bucket, before.graphql_restore) != (account.graphql_bucket, account.graphql_restore):
            self.graphql_bucket = Bucket(account.graphql_bucket, account.graphql_restore)

    def has_permanent_token(self, token: str) -> bool:
        """Tell whether this is the app's permanent admin token, or was it until its exchange."""
        return token == self.account.admin_access_token or self.expiring.was_migrated(token)

    def accepts_permanent(self, token: str) -> bool:
        return token == self.account.admin_access_token and not self.expiring.was_migrated(token)

    def accepts_obtained(self, token: str, now: float) -> bool:
        return self.admin_tokens.get(token, 0.0) > now or self.expiring.accepts(token, now)

    def mint(self, title: str, now: float, token_id: int) -> StorefrontToken:
        token = self.new_token(title, now, token_id, planted=False)
        self.tokens[token_id] = token
        self.mints += 1
        return token

    def new_token(self, title: str, now: float, token_id: int, *, planted: bool) -> StorefrontToken:
        scope = self.account.token_scope
        return StorefrontToken(token_id, secrets.token_hex(16), scope, shop_time(now), title, planted)

    def delete(self, token_id: int) -> bool:
        """Delete a storefront token, and tell whether there was one."""
        deleted = self.tokens.pop(token_id, None) is not None
        self.deletes += deleted
        return deleted

    def state(self, now: float) -> dict[str, object]:
        return {
            "shop": self.account.shop,
            "tokens": [
                {
                    "id": str(token.token_id),
                    "title": token.title,
                    "createdAt": token.created_at,
                    "planted": token.planted,
                    "fingerprint": fingerprint(token.access_token),
                }
                for token in self.tokens.values()
            ],
            "adminTokens": [
                {"fingerprint": fingerprint(token), "expiresAt": expires_at}
                for token, expires_at in self.admin_tokens.items()
                if expires_at > now
            ],
            "mints": self.mints,
            "deletes": self.deletes,
            "exchanges": self.exchanges,
            **self.expiring.state(now, self.account.admin_access_token),
        }
