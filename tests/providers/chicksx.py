"""What the tests know of ChicksX."""

from collections.abc import Iterator
from typing import Any

from tests.deployed_function import IAM, MERCHANT, PROOF, STOREFRONT, Function, Queue, provider_items
from tests.providers import LiveToken, ProviderUnderTest

_KEYS = ("chicksx#*", "outbox#chicksx#*")


def _live_tokens(merchant: str, account: Any) -> Iterator[LiveToken]:
    for token in account["tokens"]:
        yield LiveToken(token["fingerprint"], f"chicksx#{merchant}#session:{token['sessionId']}")


PROVIDER = ProviderUnderTest(
    functions=(
        Function(
            "chicksx/public_token",
            {f"POST {MERCHANT}/chicksx/public-tokens": IAM, f"POST {STOREFRONT}/chicksx/public-tokens": PROOF},
            (provider_items("PutItem", "Query", "UpdateItem", keys=_KEYS),),
            ("chicksx",),
        ),
        Function(
            "chicksx/close_session",
            {f"POST {MERCHANT}/chicksx/sessions/{{sessionId}}/close": IAM},
            (provider_items("GetItem", "PutItem", "UpdateItem", keys=_KEYS),),
            takes=Queue("PlacedOrders", "OrderQueue"),
        ),
        Function("chicksx/rotate", {f"POST {MERCHANT}/chicksx/rotations": IAM}, (), ("chicksx",)),
    ),
    secret={"apiKey": "cx-api-key-of-demo", "clientId": "cx-client-id-of-demo"},
    live_tokens=_live_tokens,
    not_sent=("chicksx-invalid-json", "chicksx-session-id-missing", "chicksx-unknown-credentials"),
)
