"""Read the account of one app on one Shopify shop: its credentials and how the shop behaves."""

from dataclasses import dataclass

from sandbox.http_server.json_fields import Fields, InputError

SHOP_STATUSES = ("active", "payment_required", "unavailable", "locked")
INELIGIBLE_RESPONSES = ("extendable", "eligible", "service", "channel", "empty")
DEAD_REFRESH_RESPONSES = ("invalid_request", "invalid_grant")
DELETE_RESPONSES = ("empty", "object", "text")
SHOP_SUFFIX = ".myshopify.com"


@dataclass(frozen=True)
class Account:
    """Hold one app on one shop.

    `ineligible_response` is the text of the 403 for an app without unauthenticated scopes. `delete_response` is the
    body of a delete's 200. `shop_status` makes every call fail with 402, 403 or 423. README.md has the other modes.
    """

    shop: str
    admin_access_token: str | None
    client_id: str | None
    client_secret: str | None
    previous_client_secret: str | None
    refresh_token: str | None
    access_scopes: tuple[str, ...]
    installed: bool
    organization: str
    non_expiring_tokens: str
    replacement_used_by: str
    dead_refresh_response: str
    ip_allowlist: tuple[str, ...] | None
    ip_refusal_body: object
    approval_missing: str | None
    shop_status: str
    ineligible_response: str
    delete_response: str
    bucket_size: int
    leak_per_second: float
    graphql_bucket: int
    graphql_restore: float

    @property
    def token_scope(self) -> str:
        return ",".join(scope for scope in self.access_scopes if scope.startswith("unauthenticated_"))

    @property
    def client_secrets(self) -> tuple[str | None, ...]:
        return self.client_secret, self.previous_client_secret


def read_account(value: object) -> Account:
    """Read {"shop"} with the credentials and the modes of README.md."""
    fields = Fields(value, "A Shopify account")
    account = Account(
        shop=fields.text("shop").lower(),
        admin_access_token=fields.optional_text("adminAccessToken"),
        client_id=fields.optional_text("clientId"),
        client_secret=fields.optional_text("clientSecret"),
        previous_client_secret=fields.optional_text("previousClientSecret"),
        refresh_token=fields.optional_text("refreshToken"),
        access_scopes=_scopes(fields.texts("accessScopes")),
        installed=fields.flag("installed", default=True),
        organization=fields.choice("organization", ("same", "other"), "same"),
        non_expiring_tokens=fields.choice("nonExpiringTokens", ("accepted", "refused"), "accepted"),
        replacement_used_by=fields.choice("replacementUsedBy", ("any", "refresh"), "any"),
        dead_refresh_response=fields.choice(
            "deadRefreshAnswer", ("invalid_request", "invalid_grant"), "invalid_request"
        ),
        ip_allowlist=fields.texts("ipAllowlist"),
        ip_refusal_body=fields.anything("ipRefusalBody") or {"errors": "Forbidden"},
        approval_missing=fields.optional_text("approvalMissing"),
        shop_status=fields.choice("shopStatus", SHOP_STATUSES, "active"),
        ineligible_response=fields.choice("ineligibleAnswer", INELIGIBLE_RESPONSES, "extendable"),
        delete_response=fields.choice("deleteAnswer", DELETE_RESPONSES, "empty"),
        bucket_size=fields.whole("bucketSize", 40, 1, 100_000),
        leak_per_second=fields.number("leakPerSecond", 2, 0.01, 100_000),
        graphql_bucket=fields.whole("graphqlBucket", 2000, 1, 100_000),
        graphql_restore=fields.number("graphqlRestore", 100, 0.01, 100_000),
    )
    fields.finish()
    if not account.shop.endswith(SHOP_SUFFIX) or account.shop == SHOP_SUFFIX:
        raise InputError(f"A Shopify account: shop must be a domain that ends with {SHOP_SUFFIX}.")
    if (account.client_id is None) != (account.client_secret is None):
        raise InputError("A Shopify account needs clientId and clientSecret together.")
    if account.client_id is None and (account.refresh_token or account.previous_client_secret):
        raise InputError("A Shopify account with refreshToken or previousClientSecret needs clientId and clientSecret.")
    if account.client_id is None and account.admin_access_token is None:
        raise InputError("A Shopify account needs adminAccessToken, or clientId and clientSecret.")
    return account


def _scopes(given: tuple[str, ...] | None) -> tuple[str, ...]:
    return ("unauthenticated_read_product_listings",) if given is None else given
