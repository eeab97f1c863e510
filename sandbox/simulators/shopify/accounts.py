"""Keep Shopify shops: one app on one shop, its rate bucket and its tokens."""

import math
from dataclasses import dataclass, field

from sandbox.http_server.json_fields import Fields, InputError
from sandbox.http_server.messages import fingerprint

TOKEN_LIMIT = 100
SHOP_STATUSES = ("active", "payment_required", "unavailable", "locked")
INELIGIBLE_RESPONSES = ("extendable", "eligible", "empty")
DELETE_RESPONSES = ("empty", "object", "text")
SHOP_SUFFIX = ".myshopify.com"


@dataclass(frozen=True)
class Account:
    """Hold one app on one shop.

    `ineligible_response` is the text of the 403 for an app without unauthenticated scopes. `delete_response` is the
    body of a delete's 200. `shop_status` makes every call fail with 402, 403 or 423.
    """

    shop: str
    admin_access_token: str | None
    client_id: str | None
    client_secret: str | None
    access_scopes: tuple[str, ...]
    shop_status: str
    ineligible_response: str
    delete_response: str
    bucket_size: int
    leak_per_second: float

    @property
    def token_scope(self) -> str:
        return ",".join(scope for scope in self.access_scopes if scope.startswith("unauthenticated_"))


@dataclass(frozen=True)
class StorefrontToken:
    token_id: int
    access_token: str
    access_scope: str
    created_at: str
    title: str
    planted: bool

    def as_json(self, versioned: bool) -> dict[str, object]:
        shown: dict[str, object] = {
            "access_token": self.access_token,
            "access_scope": self.access_scope,
            "created_at": self.created_at,
            "id": self.token_id,
        }
        if versioned:
            shown["admin_graphql_api_id"] = f"gid://shopify/StorefrontAccessToken/{self.token_id}"
        return {**shown, "title": self.title}


@dataclass
class Bucket:
    """Count calls in Shopify's leaky bucket.

    Each call adds one, and `leak` calls drain away each second.
    """

    size: int
    leak: float
    level: float = 0.0
    at: float = 0.0

    def take(self, now: float) -> bool:
        self.level = max(0.0, self.level - self.leak * max(0.0, now - self.at))
        self.at = now
        if self.level + 1 > self.size:
            return False
        self.level += 1
        return True

    def shown(self) -> str:
        return f"{math.ceil(self.level)}/{self.size}"


@dataclass
class Installation:
    account: Account
    bucket: Bucket
    tokens: dict[int, StorefrontToken] = field(default_factory=dict)
    admin_tokens: dict[str, float] = field(default_factory=dict)
    mints: int = 0
    deletes: int = 0
    exchanges: int = 0

    def replace(self, account: Account) -> None:
        """Change credentials or modes.

        Tokens obtained with another client id or secret end.
        """
        before = self.account
        if (before.client_id, before.client_secret) != (account.client_id, account.client_secret):
            self.admin_tokens.clear()
        if (before.bucket_size, before.leak_per_second) != (account.bucket_size, account.leak_per_second):
            self.bucket = Bucket(account.bucket_size, account.leak_per_second)
        self.account = account

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
        }


def read_account(value: object) -> Account:
    """Read {"shop"} with "adminAccessToken", or "clientId" and "clientSecret", and the modes of README.md."""
    fields = Fields(value, "A Shopify account")
    account = Account(
        shop=fields.text("shop").lower(),
        admin_access_token=fields.optional_text("adminAccessToken"),
        client_id=fields.optional_text("clientId"),
        client_secret=fields.optional_text("clientSecret"),
        access_scopes=_scopes(fields.texts("accessScopes")),
        shop_status=fields.choice("shopStatus", SHOP_STATUSES, "active"),
        ineligible_response=fields.choice("ineligibleAnswer", INELIGIBLE_RESPONSES, "extendable"),
        delete_response=fields.choice("deleteAnswer", DELETE_RESPONSES, "empty"),
        bucket_size=fields.whole("bucketSize", 40, 1, 100_000),
        leak_per_second=fields.number("leakPerSecond", 2, 0.01, 100_000),
    )
    fields.finish()
    if not account.shop.endswith(SHOP_SUFFIX) or account.shop == SHOP_SUFFIX:
        raise InputError(f"A Shopify account: shop must be a domain that ends with {SHOP_SUFFIX}.")
    if (account.client_id is None) != (account.client_secret is None):
        raise InputError("A Shopify account needs clientId and clientSecret together.")
    if account.client_id is None and account.admin_access_token is None:
        raise InputError("A Shopify account needs adminAccessToken, or clientId and clientSecret.")
    return account


def _scopes(given: tuple[str, ...] | None) -> tuple[str, ...]:
    return ("unauthenticated_read_product_listings",) if given is None else given
