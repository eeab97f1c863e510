"""What the tests know of Shopify."""

from collections.abc import Iterator
from typing import Any

from tests.contract.exchanges import Exchange
from tests.deployed_function import CLIENT, CLIENTS, IAM, MERCHANT, OPERATOR, SHOP, STOREFRONT, Function, provider_items
from tests.providers import Fields, LiveToken, ProviderUnderTest, WorkersRights
from token_broker.clock import Deadline
from token_broker.domain.ownership_tag import parse_title
from token_broker.http.client import HttpClient
from token_broker.ports.provider import Account
from token_broker.providers.shopify.admin_token import AdminTokens
from token_broker.providers.shopify.token_endpoint import TokenEndpoint

#: `broker` holds the stack's random name, for the marks in titles; whichever function is first makes it.
_KEYS = ("shopify#*", "broker", "outbox#shopify#*")
_SECRETS, _SESSIONS = ("shopify", "shopify-app", "shopify-session"), ("shopify-session",)
_TOKENS = f"{MERCHANT}/shopify/storefront-access-tokens"


def _working(folder: str, routes: dict[str, str], *actions: str, keys: tuple[str, ...] = _KEYS) -> Function:
    """Return a function that calls Shopify, so that it can renew the merchant's pair."""
    return Function(folder, routes, (provider_items(*actions, keys=keys),), _SECRETS, _SESSIONS)


def _settings(folder: str, route: str, *actions: str) -> Function:
    """Return a function that needs the merchant's secret, but makes no request."""
    return Function(folder, {route: IAM}, (provider_items(*actions, keys=("shopify#*",)),), ("shopify", "shopify-app"))


def _live_tokens(_merchant: str, account: Any) -> Iterator[LiveToken]:
    for token in account["tokens"]:
        yield LiveToken(token["fingerprint"], parse_title(token["title"]).intent_id, foreign=token["planted"])


def _admin_token(http: HttpClient, base_url: str, account: Account, deadline: Deadline) -> tuple[str, Fields]:
    tokens = AdminTokens(lambda: TokenEndpoint(http, base_url), http.clock)
    return "admin_token", {"accessToken": tokens.get(account, deadline)}


def _admin_api(exchange: Exchange) -> dict[str, str]:
    return {"SHOPIFY_ADMIN_API": "graphql" if exchange.over_graphql else "rest"}


PROVIDER = ProviderUnderTest(
    functions=(
        _working(
            "shopify/storefront_access_token",
            {
                f"GET {MERCHANT}/shopify/storefront-access-token": IAM,
                f"GET {STOREFRONT}/shopify/storefront-access-token": SHOP,
                f"GET {CLIENTS}/shopify/storefront-access-token": CLIENT,
            },
            *("GetItem", "PutItem", "Query", "UpdateItem"),
        ),
        _working(
            "shopify/create_storefront_access_token",
            {f"POST {_TOKENS}": IAM},
            *("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        ),
        _working(
            "shopify/list_storefront_access_tokens",
            {f"GET {_TOKENS}": IAM},
            *("GetItem", "PutItem", "Query", "UpdateItem"),
        ),
        _working(
            "shopify/delete_storefront_access_token",
            {f"DELETE {_TOKENS}/{{tokenId}}": IAM},
            *("GetItem", "PutItem", "UpdateItem"),
        ),
        _working(
            "shopify/rotate",
            {f"POST {MERCHANT}/shopify/rotations": IAM},
            *("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        ),
        _working(
            "shopify/migrate_token",
            {f"POST {OPERATOR}/shopify/token-migrations": IAM},
            *("GetItem", "PutItem", "UpdateItem"),
            keys=("shopify#*", "outbox#shopify#*"),
        ),
        _working(
            "shopify/reconcile",
            {f"POST {MERCHANT}/shopify/reconciliations": IAM},
            *("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        ),
        Function(
            "shopify/get_storefront_access_token",
            {f"GET {_TOKENS}/{{tokenId}}": IAM},
            (provider_items("GetItem", keys=("shopify#*",)),),
        ),
        _settings("shopify/put_rotation_settings", f"PUT {MERCHANT}/shopify/rotation-settings", "GetItem", "PutItem"),
        _settings("shopify/get_rotation_settings", f"GET {MERCHANT}/shopify/rotation-settings", "GetItem"),
    ),
    secret={"shop": "demo.myshopify.com", "adminAccessToken": "shpat_admin_token_of_demo"},
    live_tokens=_live_tokens,
    pending_work=WorkersRights(keys=_KEYS, secrets=_SECRETS, sessions=_SESSIONS),
    settings=_admin_api,
    operations={"exchange_client_credentials": _admin_token},
    not_sent=(
        "shopify-create-without-parameter",
        "shopify-create-blank-title",
        "shopify-exchange-json",
        "shopify-graphql-user-error-code",
    ),
)
