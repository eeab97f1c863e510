"""Every route as a signed call: the answer member by member, what the provider saw, and what lies in the table."""

import time
from typing import Any

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchants
from tests.e2e.support.responses import fingerprint, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
DAY = 24 * 60 * 60


def recorded(token: dict[str, Any], state: str, **more: object) -> dict[str, Any]:
    """Return the expected record of a returned token, without its end."""
    names = {"scope": "scopes"}
    kept = {names.get(name, name): value for name, value in token.items() if value is not None}
    return {
        **kept,
        "fingerprint": fingerprint(token["accessToken"]),
        "state": state,
        "origin": "broker",
        "requestedBy": ADMINISTRATOR,
        **more,
    }


def items_of(table: TokenTable, partition: str) -> dict[str, dict[str, Any]]:
    """Return the partition's items without the history, after checking that the history ends with the state."""
    items = table.partition(partition)
    for item in items.values():
        if "tokenId" in item and "state" in item:
            history = item.pop("history")
            assert history[-1]["to"] == item["state"]
            assert all(line["by"] and line["why"] for line in history)
    return items


def test_fourthwall_gives_the_shops_one_token(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.fourthwall()
    started = int(time.time())

    token = token_of(stack.call("PUT", FOURTHWALL.format(merchant=merchant.name)))

    shop = control.state()["fourthwall"][merchant.name]
    assert (shop["token"], shop["mints"]) == ({"fingerprint": fingerprint(token["accessToken"])}, 1)
    assert started - 1 <= token["issuedAt"] <= time.time() + 1
    assert token == {
        "provider": "fourthwall",
        "merchant": merchant.name,
        "tokenId": fingerprint(token["accessToken"]),
        "accessToken": token["accessToken"],
        "tokenType": "public_token",
        "scope": [],
        "issuedAt": token["issuedAt"],
        "expiresAt": None,
        "subject": "shop",
        "use": {"in": "query", "name": "storefront_token", "url": "https://storefront-api.fourthwall.com/v1/"},
        "providerData": {},
    }
    [seen] = control.requests("fourthwall")
    assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/open-api/v1.0/public-token", None)
    assert seen["headers"]["authorization"].startswith("Basic sha256:")
    assert seen["headers"]["user-agent"].startswith("token-broker/")
    record = recorded(token, "current")
    items = items_of(table, f"fourthwall#{merchant.name}")
    assert items == {
        "subject#shop": {
            "fence": items["subject#shop"]["fence"],
            "current": record,
            "checkedAt": items["subject#shop"]["checkedAt"],
        },
        f"token#{token['tokenId']}": record,
    }


def test_chicksx_gives_a_session_its_token(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.chicksx()
    body = {"sessionId": "checkout/1 #é", "scope": ["wallet.read"]}

    token = token_of(stack.call("POST", CHICKSX.format(merchant=merchant.name), body), 201)

    [issued] = control.state()["chicksx"][merchant.name]["tokens"]
    assert fingerprint(token["accessToken"]) == issued["fingerprint"]
    assert token == {
        "provider": "chicksx",
        "merchant": merchant.name,
        "tokenId": issued["jti"],
        "accessToken": token["accessToken"],
        "tokenType": "Bearer",
        "scope": ["wallet.read"],
        "issuedAt": token["issuedAt"],
        "expiresAt": issued["expiresAt"],
        "subject": "session:checkout/1 #é",
        "use": {"in": "sdk", "name": "authenticationToken"},
        "providerData": {"expiresIn": 3600},
    }
    [seen] = control.requests("chicksx")
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/v1/public_token/create", body)
    assert seen["headers"]["x-api-key"] == f"sha256:{fingerprint(merchant.secret['apiKey'])}"
    assert seen["headers"]["x-client-id"] == f"sha256:{fingerprint(merchant.secret['clientId'])}"
    items = items_of(table, f"chicksx#{merchant.name}#session:checkout/1 #é")
    assert items == {
        "subject": {"fence": items["subject"]["fence"], "expiresAt": items["subject"]["expiresAt"]},
        f"token#{token['tokenId']}": recorded(token, "current", requestedScopes=["wallet.read"]),
    }
    assert items["subject"]["expiresAt"] > token["expiresAt"], "the session's state outlives its token"
    assert not table.partition(f"chicksx#{merchant.name}"), "a session's items are in its own partition"


def test_shopify_mints_the_shops_current_token(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.shopify()
    path = SHOPIFY_CURRENT.format(merchant=merchant.name)

    token = token_of(stack.call("GET", path))

    [made] = control.state()["shopify"][merchant.name]["tokens"]
    assert fingerprint(token["accessToken"]) == made["fingerprint"]
    assert token == {
        "provider": "shopify",
        "merchant": merchant.name,
        "tokenId": made["id"],
        "accessToken": token["accessToken"],
        "tokenType": "storefront_access_token",
        "scope": ["unauthenticated_read_product_listings"],
        "issuedAt": token["issuedAt"],
        "expiresAt": None,
        "subject": "shop",
        "title": "Token Broker",
        "use": {
            "in": "header",
            "name": "X-Shopify-Storefront-Access-Token",
            "url": f"https://{merchant.name}.myshopify.com/api/2026-10/graphql.json",
        },
        "providerData": {
            "created_at": made["createdAt"],
            "admin_graphql_api_id": f"gid://shopify/StorefrontAccessToken/{made['id']}",
        },
    }
    broker_id = table.partition("broker")["id"]["brokerId"]
    assert made["title"].startswith(f"Token Broker [tb:{broker_id}:")
    [seen] = control.requests("shopify")
    assert (seen["method"], seen["path"]) == ("POST", "/admin/api/2026-10/storefront_access_tokens.json")
    assert seen["body"] == {"storefront_access_token": {"title": made["title"]}}
    admin_token = merchant.secret["adminAccessToken"]
    assert seen["headers"]["x-shopify-access-token"] == f"sha256:{fingerprint(admin_token)}"
    record = recorded(token, "current", realm=merchant.secret["shop"])
    items = items_of(table, f"shopify#{merchant.name}")
    assert items.pop("reconciliation#shop")["dueAt"] > time.time(), "from its first token on it is reconciled"
    assert items == {
        "subject#shop": {
            "fence": items["subject#shop"]["fence"],
            "current": record,
            "checkedAt": items["subject#shop"]["checkedAt"],
        },
        f"token#{made['id']}": record,
    }
    assert token_of(stack.call("GET", path)) == token
    assert len(control.requests("shopify")) == 1, "a current token is served from the record"


def test_shopify_creates_lists_and_revokes(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    merchant = merchants.shopify()
    path = SHOPIFY.format(merchant=merchant.name)
    current = token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=merchant.name)))

    standing = token_of(stack.call("POST", path, {"title": "Kiosk 🛍️"}), 201)

    assert standing["title"] == "Kiosk 🛍️"
    record = recorded(standing, "standing", realm=merchant.secret["shop"])
    items = items_of(table, f"shopify#{merchant.name}")
    assert items[f"token#{standing['tokenId']}"] == record
    tokens = {f"token#{current['tokenId']}", f"token#{standing['tokenId']}"}
    assert set(items) == {"subject#shop", "reconciliation#shop"} | tokens

    [foreign] = control.plant_tokens(merchant.name, title="Somebody else's")
    listed = stack.call("GET", path)
    assert (listed.status_code, listed.headers["Content-Type"]) == (200, "application/json")
    assert listed.headers["Cache-Control"] == "no-store"
    assert foreign["access_token"] not in listed.text
    rows = {row["tokenId"]: row for row in listed.json()["tokens"]}
    assert listed.json() == {"tokens": list(rows.values()), "used": 3, "limit": 100}
    assert rows[current["tokenId"]] == {**current, "origin": "broker", "state": "current"}
    assert rows[standing["tokenId"]] == {**standing, "origin": "broker", "state": "standing"}
    theirs = rows[str(foreign["id"])]
    assert (theirs["origin"], theirs["accessToken"], theirs["title"]) == ("foreign", None, "Somebody else's")
    assert theirs["fingerprint"] == fingerprint(foreign["access_token"])

    for _ in range(2):
        revoked = stack.call("DELETE", f"{path}/{standing['tokenId']}")
        assert (revoked.status_code, revoked.json()) == (200, {"revocation": "confirmed"})
        assert revoked.headers["Cache-Control"] == "no-store"
    deletes = [seen["path"] for seen in control.requests("shopify") if seen["method"] == "DELETE"]
    assert deletes == [f"/admin/api/2026-10/storefront_access_tokens/{standing['tokenId']}.json"]
    ended = items_of(table, f"shopify#{merchant.name}")[f"token#{standing['tokenId']}"]
    kept = {name: value for name, value in record.items() if name != "accessToken"}
    times = {name: ended[name] for name in ("expiresAt", "endedAt", "revokingAt")}
    states = {"state": "revoked", "endedWhy": "requested"}
    assert ended == {**kept, **states, **times}, "the record stays for its retention, without the value"
    assert ended["expiresAt"] - ended["endedAt"] >= 30 * DAY


def test_no_item_but_those_that_end_has_an_end(table: TokenTable) -> None:
    """What is without a provider's expiry or a retention must not be deleted by the table's TTL."""
    for (pk, sk), item in table.everything().items():
        mortal = (
            (pk.startswith("chicksx#") and "owner" not in item)
            or (sk.startswith("token#") and "accessToken" not in item and item["state"] != "revoking")
            or (sk.startswith("intent#") and "tokenId" in item)
        )
        assert ("expiresAt" in item) is mortal, (pk, sk)
