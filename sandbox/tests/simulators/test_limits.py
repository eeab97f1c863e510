"""The simulators enforce limits, throttling and expiry over time, and keep sessions and shops."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.simulators import Addresses, ControlClient
from sandbox.tests.simulators.shopify_account import PERMANENT, TOKENS, ShopifyAccount
from tests.contract.exchanges.playing import Reply, send

KEYS = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}


def public_token(simulators: Addresses) -> Reply:
    headers = {"Authorization": "Bearer demo-access-token"}
    return send(simulators["fourthwall"], "PUT", "/open-api/v1.0/public-token", headers=headers)


def chicksx(control: ControlClient, **more: object) -> None:
    control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client", **more)


def fourthwall(control: ControlClient, **more: object) -> None:
    control.put_account("fourthwall", "demo", accessToken="demo-access-token", **more)


def session_token(simulators: Addresses, body: object) -> Reply:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(simulators["chicksx"], "POST", "/public_token/create", headers=KEYS, body=sent)


def test_fourthwall_gives_a_shop_one_token_until_its_owner_renews_it(
    simulators: Addresses, control: ControlClient
) -> None:
    fourthwall(control)
    first, second = public_token(simulators).json(), public_token(simulators).json()
    control.renew_fourthwall_token("demo")

    assert first == second != public_token(simulators).json()
    assert control.state()["fourthwall"]["demo"]["mints"] == 2


def test_fourthwall_delays_the_excess_until_the_window_has_moved(simulators: Addresses, control: ControlClient) -> None:
    fourthwall(control, rateLimit={"requests": 2, "seconds": 0.4})
    started = time.monotonic()

    assert [public_token(simulators).status for _ in range(3)] == [200, 200, 200]
    assert 0.35 < time.monotonic() - started < 3


def test_fourthwall_delay_ends_when_the_clock_is_moved(simulators: Addresses, control: ControlClient) -> None:
    fourthwall(control, rateLimit={"requests": 1, "seconds": 600})
    assert public_token(simulators).status == 200

    with ThreadPoolExecutor(1) as pool:
        delayed = pool.submit(public_token, simulators)
        while len(control.requests("fourthwall")) < 2:
            time.sleep(0.01)
        control.advance(600)
        assert delayed.result(timeout=5).status == 200


def test_chicksx_session_takes_tokens_until_its_order_is_placed(simulators: Addresses, control: ControlClient) -> None:
    chicksx(control)
    one, two = (session_token(simulators, {"sessionId": "s-1"}).json()["data"] for _ in range(2))
    control.place_order("s-1")

    assert one["jti"] != two["jti"]
    assert session_token(simulators, {"sessionId": "s-1"}).json()["code"] == "INVALID_INPUT"
    assert session_token(simulators, {"sessionId": "s-2"}).status == 201
    assert control.state()["chicksx"]["demo"]["closedSessions"] == ["s-1"]


def test_chicksx_expiry_follows_the_clock(simulators: Addresses, control: ControlClient) -> None:
    chicksx(control, tokenSeconds=60)
    before = control.now()
    data = session_token(simulators, {"sessionId": "s-1"}).json()["data"]

    assert before - 1 <= data["expiresAt"] - 60 <= control.now()
    assert [token["jti"] for token in control.state()["chicksx"]["demo"]["tokens"]] == [data["jti"]]
    control.advance(61)
    assert control.state()["chicksx"]["demo"]["tokens"] == []


def test_chicksx_grants_what_the_merchant_may_have(simulators: Addresses, control: ControlClient) -> None:
    chicksx(control, scopes=["wallet.read"])

    reply = session_token(simulators, {"sessionId": "s-1", "scope": ["wallet.read", "merchant.write"]})

    assert reply.json()["data"]["scope"] == ["wallet.read"]


@pytest.mark.parametrize(
    "body",
    [b"[]", b'"s"', b'{"sessionId":1}', b'{"sessionId":" "}', b'{"sessionId":"s","scope":"a"}',
     b'{"sessionId":"s","scope":[1]}', b'{"sessionId":"s","more":1}', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_chicksx_refuses_any_other_body(simulators: Addresses, control: ControlClient, body: bytes) -> None:
    chicksx(control)

    assert session_token(simulators, body).json()["code"] == "INVALID_INPUT"


def test_shopify_bucket_fills_at_40_and_leaks_over_time(shopify: ShopifyAccount) -> None:
    shopify.put(leakPerSecond=0.01)
    shown = [shopify.listing().headers["x-shopify-shop-api-call-limit"] for _ in range(40)]
    refused = shopify.listing()
    shopify.control.advance(101)

    assert (shown[0], shown[-1]) == ("1/40", "40/40")
    assert (refused.status, refused.headers["retry-after"]) == (429, "2.0")
    assert refused.json()["errors"].startswith("Exceeded 0.01 calls per second for api client.")
    assert shopify.listing().status == 200


def test_shopify_lists_planted_tokens_with_their_values(shopify: ShopifyAccount) -> None:
    [planted] = shopify.control.plant_tokens("demo", title="Theirs", id=10**20, accessToken="not-ours")
    made = shopify.create("Läden 🛒").json()["storefront_access_token"]

    assert shopify.listing().json()["storefront_access_tokens"] == [planted, made]
    assert (planted["id"], planted["access_token"], made["title"]) == (10**20, "not-ours", "Läden 🛒")
    assert made["admin_graphql_api_id"] == f"gid://shopify/StorefrontAccessToken/{made['id']}"


def test_a_bought_admin_token_works_for_a_day(shopify: ShopifyAccount) -> None:
    bought = shopify.grant().json()

    assert bought["expires_in"] == 86399
    assert shopify.listing(bought["access_token"]).status == 200
    shopify.control.advance(86399)
    assert shopify.listing(bought["access_token"]).status == 401
    assert shopify.state()["exchanges"] == 1


def test_a_changed_client_secret_or_a_revocation_ends_bought_tokens(shopify: ShopifyAccount) -> None:
    first = shopify.grant().json()["access_token"]
    assert shopify.control.revoke_admin_tokens("demo") == 2, "this one, and the access token of the pair"
    assert shopify.listing(first).status == 401

    second = shopify.grant().json()["access_token"]
    shopify.put(clientSecret="new-secret")
    assert shopify.listing(second).status == 401
    assert [shopify.grant().status, shopify.grant(client_secret="new-secret").status] == [400, 200]


def test_several_shops_share_a_port(shopify: ShopifyAccount) -> None:
    hosts = [f"{name}.myshopify.com" for name in ("demo", "other", "nobody")]
    shopify.put("other", shop=hosts[1], adminAccessToken="other-admin-token", clientId="another")
    shopify.create()

    assert shopify.listing("other-admin-token").json() == {"storefront_access_tokens": []}
    assert [shopify.listing(host=host).status for host in hosts] == [200, 401, 404]
    shopify.put("other", shop=hosts[1], adminAccessToken="other-admin-token", refreshToken="other-refresh")
    assert shopify.grant().json()["error"] == "invalid_request", "one app on two shops is told apart by the host"
    bought = shopify.grant(host=hosts[1]).json()["access_token"]
    assert [shopify.listing(bought, host=host).status for host in hosts[:2]] == [401, 200]
    assert [shopify.refresh("other-refresh", host=host).status for host in hosts[:2]] == [401, 200]


def test_parallel_creates_stop_at_exactly_100_until_one_is_deleted(shopify: ShopifyAccount) -> None:
    shopify.control.plant_tokens("demo", count=90)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: shopify.create().status, range(20)))

    assert sorted(statuses) == [200] * 10 + [400] * 10
    assert shopify.state()["mints"] == 10
    one = shopify.listing().json()["storefront_access_tokens"][0]
    shopify.call("DELETE", f"{TOKENS}/{one['id']}.json", token=PERMANENT)
    assert shopify.create().status == 200
