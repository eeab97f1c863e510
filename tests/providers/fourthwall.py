"""What the tests know of Fourthwall."""

from collections.abc import Iterator
from typing import Any

from tests.deployed_function import CLIENT, CLIENTS, IAM, MERCHANT, SHOP, STOREFRONT, Function, provider_items
from tests.providers import LiveToken, ProviderUnderTest, WorkersRights

_KEYS = ("fourthwall#*", "outbox#fourthwall#*")
_SECRETS, _SESSIONS = ("fourthwall", "fourthwall-session"), ("fourthwall-session",)


def _function(folder: str, routes: dict[str, str]) -> Function:
    items = provider_items("GetItem", "PutItem", "UpdateItem", keys=_KEYS)
    return Function(folder, routes, (items,), _SECRETS, _SESSIONS)


def _live_tokens(merchant: str, account: Any) -> Iterator[LiveToken]:
    if account["token"]:
        yield LiveToken(account["token"]["fingerprint"], f"fourthwall#{merchant}")


PROVIDER = ProviderUnderTest(
    functions=(
        _function(
            "fourthwall/public_token",
            {
                f"PUT {MERCHANT}/fourthwall/public-token": IAM,
                f"GET {STOREFRONT}/fourthwall/public-token": SHOP,
                f"GET {CLIENTS}/fourthwall/public-token": CLIENT,
            },
        ),
        _function("fourthwall/rotate", {f"POST {MERCHANT}/fourthwall/rotations": IAM}),
    ),
    secret={"username": "fw-user-of-demo", "password": "fw-password-of-demo"},
    live_tokens=_live_tokens,
    pending_work=WorkersRights(keys=_KEYS, secrets=_SECRETS, sessions=_SESSIONS),
)
