"""What is left behind when storefronts were let in and kept out: no token, no proof and no key, in log or policy.

It runs last, since it looks through the traces of all other storefront tests.
"""

import json
import re

import jwt
import pytest

from sandbox.local_aws.function_logs import groups, messages
from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support.routes import CLIENT_SHOPIFY, PREVIEW_ORIGINS, STOREFRONT_SHOPIFY, TRUST_POLICY
from tests.e2e.support.storefronts import (
    Shop,
    Shops,
    client,
    client_token,
    page,
    page_token,
    refused_by_gateway,
    session,
    session_token,
)
from tests.e2e.support.token_table import TokenTable

pytestmark = pytest.mark.run_last

#: How each JSON object begins in base64url: every JWT, whole or a part of it.
JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}")
SESSION = "session-canary-7c1e"
#: The attributes of preview origins.
PREVIEWS = ("previewOrigins", "previewChangeId")


@pytest.fixture(scope="module")
def shop(stack: Stack, shops: Shops, simulators: ControlClient) -> Shop:
    """Who was on every good way, and on each bad one that has a value in its hands."""
    simulators.forget_faults()
    shop, body = shops.open(), {"sessionId": SESSION}
    page_token(page(stack, STOREFRONT_SHOPIFY.format(merchant=shop.name), shop.origin), shop.origin)
    session_token(session(stack, shop, shop.proof(SESSION), body), 201)
    clients = CLIENT_SHOPIFY.format(merchant=shop.name)
    client_token(client(stack, clients, shop.client_proof()))
    for bad in (shop.proof(SESSION), shop.client_proof(exp=1), shop.client_proof(aud=shop.key), shop.key):
        refused_by_gateway(client(stack, clients, bad), 401, "unauthenticated")
    previews = PREVIEW_ORIGINS.format(merchant=shop.name)
    assert stack.call("POST", previews, {"origin": shop.key, "expiresIn": 3600}).status_code == 400
    preview = {"origin": f"https://preview.{shop.name}.example", "expiresIn": 3600}
    assert stack.call("POST", previews, preview).status_code == 201
    signed, _, signature = shop.proof(SESSION).rpartition(".")
    for bad in (f"{signed}x.{signature}", shop.proof(SESSION, kid=shop.key), shop.key):
        refused_by_gateway(session(stack, shop, bad, body), 401, "unauthenticated")
    simulators.fault("chicksx", "status", status=400, body={"code": "X", "message": shop.proof(SESSION)})
    assert session(stack, shop, shop.proof("x"), {"sessionId": "x"}).status_code == 502
    wrong = shop.policy(sessions=shop.sessions({"type": "hs256", "key": shop.key}))
    assert stack.call("PUT", TRUST_POLICY.format(merchant=shop.name), wrong).status_code == 400
    stack.invoke("storefronts/put_trust_policy", {"merchant": shop.name, **wrong})
    for proof in (shop.proof(SESSION), shop.client_proof()):
        event = {"type": "REQUEST", "multiValueHeaders": {"Authorization": [f"Bearer {proof}"]}}
        stack.invoke("storefronts/proof_authorizer", event)
    shops.merchants.rewrite("storefront-proof", shop.name, json.dumps({"keys": [shop.key]}))
    refused_by_gateway(session(stack, shop, shop.proof(kid="new"), body), 401, "unauthenticated")
    return shop


@pytest.fixture(scope="module")
def logged(aws: Aws, shop: Shop) -> str:
    """All that any function has written."""
    logs = aws("logs")
    text = "\n".join(message for group in groups(logs) for message in messages(logs, group["logGroupName"]))
    assert shop.name in text
    assert '"message":"decided"' in text
    return text


def test_no_log_holds_a_jwt(logged: str) -> None:
    assert {found[:12] for found in JWT.findall(logged)} == set()


def test_the_search_for_jwts_finds_them() -> None:
    shop = Shop("demo", "k" * 32)

    for proof in (shop.proof(), shop.client_proof(), jwt.encode({"iss": shop.origin}, "", "none")):
        assert len(JWT.findall(f"Bearer {proof}")) == 2


def test_no_log_holds_a_key_a_secret_or_a_token(logged: str, shop: Shop, shops: Shops, table: TokenTable) -> None:
    tokens = {item["accessToken"] for item in table.everything().values() if "accessToken" in item}
    values = shops.merchants.values | tokens
    assert shop.key in values
    assert len(tokens) > 1

    # Which one it was is not for a test report either.
    assert [f"{value[:4]}…({len(value)})" for value in values if value in logged] == []


def test_no_log_holds_a_session(logged: str, shop: Shop) -> None:
    """Who knows one has not its token, but it is the visitor's own."""
    assert SESSION not in logged


def test_no_policy_holds_a_value(shop: Shop, shops: Shops, table: TokenTable) -> None:
    policies = {key: item for key, item in table.everything().items() if key[0].startswith("policy#")}
    assert (f"policy#{shop.name}", "policy") in policies

    text = repr(policies)
    assert [f"{value[:4]}…({len(value)})" for value in shops.merchants.values if value in text] == []
    assert JWT.findall(text) == []
    assert all(
        set(item) <= {"revision", "document", "shop", "changedAt", "changedBy", "changeId", *PREVIEWS}
        for item in policies.values()
    )


def test_the_local_aws_has_written_none_either(stack: Stack, shop: Shop, shops: Shops) -> None:
    files = "\n".join(file.read_text(errors="replace") for file in (stack.folder / "logs").glob("*.log"))

    assert [f"{value[:4]}…({len(value)})" for value in shops.merchants.values if value in files] == []
    assert shop.key not in files
