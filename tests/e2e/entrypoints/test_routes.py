"""Each provider's routes as signed calls: what is answered, what the provider made, and what lies in the table."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import fingerprint
from tests.e2e.support.token_table import TokenTable
from token_broker_client import Merchant, Token, TokenBroker

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
SESSION = "checkout/1 #é"


def record_of(table: TokenTable, partition: str, token: Token) -> dict[str, Any]:
    """Return the token's record without its history, after checking that the history ends with the state."""
    record = table.partition(partition)[f"token#{token.token_id}"]
    assert record.pop("history")[-1]["to"] == record["state"]
    return record


def recorded(token: Token, state: str) -> dict[str, Any]:
    """Return what the record of a returned token must hold."""
    return {
        "tokenId": token.token_id,
        "accessToken": token.access_token,
        "scopes": list(token.scope),
        "issuedAt": token.issued_at,
        "fingerprint": fingerprint(token.access_token),
        "state": state,
        "requestedBy": ADMINISTRATOR,
        **({} if token.title is None else {"title": token.title}),
    }


@pytest.mark.parametrize(
    ("provider", "subject", "ask"),
    [
        ("fourthwall", "shop", lambda merchant: merchant.fourthwall.current()),
        ("chicksx", f"session:{SESSION}", lambda merchant: merchant.chicksx.token(SESSION, scope=["wallet.read"])),
        ("shopify", "shop", lambda merchant: merchant.shopify.current()),
    ],
    ids=["fourthwall", "chicksx", "shopify"],
)
def test_a_token_is_minted_once_answered_and_recorded(
    broker: TokenBroker,
    control: ControlClient,
    merchants: Merchants,
    table: TokenTable,
    provider: str,
    subject: str,
    ask: Callable[[Merchant], Token],
) -> None:
    merchant = broker.merchant(merchants.of(provider).name)

    token = ask(merchant)

    known = control.state()[provider][merchant.name]
    [made] = known["tokens"] if "tokens" in known else [known["token"]]
    assert fingerprint(token.access_token) == made["fingerprint"]
    assert (token.provider, token.merchant, token.subject, token.extra) == (provider, merchant.name, subject, {})
    partition = f"{provider}#{merchant.name}" + ("" if subject == "shop" else f"#{subject}")
    assert record_of(table, partition, token).items() >= recorded(token, "current").items()
    assert ask(merchant) == token
    assert len(control.requests(provider)) == 1, "a current token is served from memory or the record"


def test_shopify_creates_lists_and_revokes(
    broker: TokenBroker, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.shopify().name
    shopify, partition = broker.merchant(merchant).shopify, f"shopify#{merchant}"

    standing = shopify.create("Kiosk 🛍️")

    record = record_of(table, partition, standing)
    assert standing.title == "Kiosk 🛍️"
    assert record.items() >= recorded(standing, "standing").items()
    broker_id = table.partition("broker")["id"]["brokerId"]
    [made] = control.state()["shopify"][merchant]["tokens"]
    assert made["title"].startswith(f"Kiosk 🛍️ [tb:{broker_id}:")

    [foreign] = control.plant_tokens(merchant, title="Somebody else's")
    listed = shopify.list()
    assert (listed.used, listed.limit) == (2, 100)
    rows = {row.token_id: row for row in listed.tokens}
    own, other = rows[standing.token_id], rows[str(foreign["id"])]
    assert (own.access_token, own.origin, own.state) == (standing.access_token, "broker", "standing")
    assert (other.access_token, other.origin, other.fingerprint) == (
        None,
        "foreign",
        fingerprint(foreign["access_token"]),
    )

    assert [shopify.revoke(standing.token_id).state for _ in range(2)] == ["confirmed"] * 2
    assert [seen["method"] for seen in control.requests("shopify")].count("DELETE") == 1
    ended = record_of(table, partition, standing)
    assert ended["state"] == "revoked"
    assert "accessToken" not in ended


def test_no_item_but_those_that_end_has_an_end(table: TokenTable) -> None:
    """What is without a provider's expiry or a retention must not be deleted by the table's TTL."""
    for (pk, sk), item in table.everything().items():
        mortal = (
            (pk.startswith("chicksx#") and "owner" not in item)
            or (sk.startswith("token#") and "accessToken" not in item and item["state"] != "revoking")
            or (sk.startswith("intent#") and "tokenId" in item)
            or sk.startswith("mint-quota#")
        )
        assert ("expiresAt" in item) is mortal, (pk, sk)
