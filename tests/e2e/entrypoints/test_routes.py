"""Each provider's routes as signed calls: what is answered, what the provider made, and what lies in the table."""

from typing import Any

import pytest

from sandbox.local_stack import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import fingerprint, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
SESSION = "checkout/1 #é"


def record_of(table: TokenTable, partition: str, token: dict[str, Any]) -> dict[str, Any]:
    """Return the token's record without its history, after checking that the history ends with the state."""
    record = table.partition(partition)[f"token#{token['tokenId']}"]
    assert record.pop("history")[-1]["to"] == record["state"]
    return record


def recorded(token: dict[str, Any], state: str) -> dict[str, Any]:
    """Return what the record of a returned token must hold."""
    kept = {"scopes" if name == "scope" else name: value for name, value in token.items() if value is not None}
    return {**kept, "fingerprint": fingerprint(token["accessToken"]), "state": state, "requestedBy": ADMINISTRATOR}


@pytest.mark.parametrize(
    ("provider", "method", "path", "body", "status"),
    [
        ("fourthwall", "PUT", FOURTHWALL, None, 200),
        ("chicksx", "POST", CHICKSX, {"sessionId": SESSION, "scope": ["wallet.read"]}, 201),
        ("shopify", "GET", SHOPIFY_CURRENT, None, 200),
    ],
)
def test_a_token_is_minted_once_answered_and_recorded(
    stack: Stack,
    control: ControlClient,
    merchants: Merchants,
    table: TokenTable,
    provider: str,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
) -> None:
    merchant = merchants.of(provider).name

    token = token_of(stack.call(method, path.format(merchant=merchant), body), status)

    known = control.state()[provider][merchant]
    [made] = known["tokens"] if "tokens" in known else [known["token"]]
    assert fingerprint(token["accessToken"]) == made["fingerprint"]
    subject = f"session:{SESSION}" if body else "shop"
    assert (token["provider"], token["merchant"], token["subject"]) == (provider, merchant, subject)
    partition = f"{provider}#{merchant}#{subject}" if body else f"{provider}#{merchant}"
    assert record_of(table, partition, token).items() >= recorded(token, "current").items()
    assert token_of(stack.call(method, path.format(merchant=merchant), body)) == token
    assert len(control.requests(provider)) == 1, "a current token is served from memory or the record"


def test_shopify_creates_lists_and_revokes(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.shopify().name
    path, partition = SHOPIFY.format(merchant=merchant), f"shopify#{merchant}"

    standing = token_of(stack.call("POST", path, {"title": "Kiosk 🛍️"}), 201)

    record = record_of(table, partition, standing)
    assert standing["title"] == "Kiosk 🛍️"
    assert record.items() >= recorded(standing, "standing").items()
    broker_id = table.partition("broker")["id"]["brokerId"]
    [made] = control.state()["shopify"][merchant]["tokens"]
    assert made["title"].startswith(f"Kiosk 🛍️ [tb:{broker_id}:")

    [foreign] = control.plant_tokens(merchant, title="Somebody else's")
    listed = stack.call("GET", path)
    assert (listed.status_code, listed.headers["Cache-Control"]) == (200, "no-store")
    assert foreign["access_token"] not in listed.text
    rows = {row["tokenId"]: row for row in listed.json()["tokens"]}
    assert listed.json() == {"tokens": list(rows.values()), "used": 2, "limit": 100}
    assert rows[standing["tokenId"]] == {**standing, "origin": "broker", "state": "standing"}
    assert rows[str(foreign["id"])]["origin"] == "foreign"

    for _ in range(2):
        revoked = stack.call("DELETE", f"{path}/{standing['tokenId']}")
        assert (revoked.status_code, revoked.json()) == (200, {"revocation": "confirmed"})
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
