"""The simulators enforce limits, throttling and expiry over time, and keep sessions and shops."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.simulators import Addresses, ControlClient
from tests.contract.exchanges.playing import Reply, send

ADMIN = "demo-admin-token"
CLIENT_SECRET = "demo-secret"
TOKENS = "/admin/api/2026-10/storefront_access_tokens"
BEARER = {"Authorization": "Bearer demo-access-token"}


@pytest.fixture
def shop(control: ControlClient) -> ControlClient:
    control.put_account("shopify", "demo", shop="demo.myshopify.com", adminAccessToken=ADMIN)
    return control


def create(simulators: Addresses, title: str = "Test", token: str = ADMIN) -> Reply:
    headers = {"X-Shopify-Access-Token": token, "Content-Type": "application/json"}
    body = json.dumps({"storefront_access_token": {"title": title}}).encode()
    return send(simulators["shopify"], "POST", f"{TOKENS}.json", headers=headers, body=body)


def listing(simulators: Addresses, token: str = ADMIN, host: str | None = None) -> Reply:
    headers = {"X-Shopify-Access-Token": token, **({"Host": host} if host else {})}
    return send(simulators["shopify"], "GET", f"{TOKENS}.json", headers=headers)


def exchange(simulators: Addresses, secret: str = CLIENT_SECRET, host: str | None = None) -> Reply:
    body = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": secret}
    headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
    path = "/admin/oauth/access_token"
    return send(simulators["shopify"], "POST", path, headers=headers, body=json.dumps(body).encode())


def public_token(simulators: Addresses) -> Reply:
    return send(simulators["fourthwall"], "PUT", "/open-api/v1.0/public-token", headers=BEARER)


def chicksx_mint(simulators: Addresses, session_id: str) -> Reply:
    headers = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}
    body = json.dumps({"sessionId": session_id}).encode()
    return send(simulators["chicksx"], "POST", "/public_token/create", headers=headers, body=body)


def test_fourthwall_gives_a_shop_one_token_until_its_owner_renews_it(
    simulators: Addresses, control: ControlClient
) -> None:
    control.put_account("fourthwall", "demo", accessToken="demo-access-token")
    first, second = public_token(simulators).json(), public_token(simulators).json()
    control.renew_fourthwall_token("demo")

    assert first == second
    assert public_token(simulators).json() != first
    assert control.state()["fourthwall"]["demo"]["mints"] == 2


def test_fourthwall_delays_the_excess_until_the_window_has_moved(simulators: Addresses, control: ControlClient) -> None:
    rate = {"requests": 2, "seconds": 0.4}
    control.put_account("fourthwall", "demo", accessToken="demo-access-token", rateLimit=rate)
    started = time.monotonic()

    assert [public_token(simulators).status for _ in range(3)] == [200, 200, 200]
    assert 0.35 < time.monotonic() - started < 3


def test_fourthwall_delay_ends_when_the_clock_is_moved(simulators: Addresses, control: ControlClient) -> None:
    rate = {"requests": 1, "seconds": 600}
    control.put_account("fourthwall", "demo", accessToken="demo-access-token", rateLimit=rate)
    assert public_token(simulators).status == 200

    with ThreadPoolExecutor(1) as pool:
        delayed = pool.submit(public_token, simulators)
        while len(control.requests("fourthwall")) < 2:
            time.sleep(0.01)
        control.advance(600)
        assert delayed.result(timeout=5).status == 200


def test_chicksx_session_takes_tokens_until_its_order_is_placed(simulators: Addresses, control: ControlClient) -> None:
    control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client")
    one, two = chicksx_mint(simulators, "s-1").json(), chicksx_mint(simulators, "s-1").json()
    control.place_order("s-1")
    refused = chicksx_mint(simulators, "s-1")

    assert one["data"]["jti"] != two["data"]["jti"]
    assert (refused.status, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert chicksx_mint(simulators, "s-2").status == 201
    assert control.state()["chicksx"]["demo"]["closedSessions"] == ["s-1"]


def test_chicksx_expiry_follows_the_clock(simulators: Addresses, control: ControlClient) -> None:
    control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client", tokenSeconds=60)
    before = control.now()
    data = chicksx_mint(simulators, "s-1").json()["data"]

    assert before - 1 <= data["expiresAt"] - 60 <= control.now()
    assert [token["jti"] for token in control.state()["chicksx"]["demo"]["tokens"]] == [data["jti"]]
    control.advance(61)
    assert control.state()["chicksx"]["demo"]["tokens"] == []


def test_chicksx_grants_what_the_merchant_may_have(simulators: Addresses, control: ControlClient) -> None:
    account = {"apiKey": "demo-key", "clientId": "demo-client", "scopes": ["wallet.read"]}
    control.put_account("chicksx", "demo", **account)
    headers = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}
    body = b'{"sessionId":"s-1","scope":["wallet.read","merchant.write"]}'

    reply = send(simulators["chicksx"], "POST", "/public_token/create", headers=headers, body=body)

    assert reply.json()["data"]["scope"] == ["wallet.read"]


@pytest.mark.parametrize(
    "body",
    [b"[]", b'"s"', b'{"sessionId":1}', b'{"sessionId":" "}', b'{"sessionId":"s","scope":"a"}',
     b'{"sessionId":"s","scope":[1]}', b'{"sessionId":"s","more":1}', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_chicksx_refuses_any_other_body(simulators: Addresses, control: ControlClient, body: bytes) -> None:
    control.put_account("chicksx", "demo", apiKey="demo-key", clientId="demo-client")
    headers = {"x-api-key": "demo-key", "x-client-id": "demo-client", "Content-Type": "application/json"}

    reply = send(simulators["chicksx"], "POST", "/public_token/create", headers=headers, body=body)

    assert (reply.status, reply.json()["code"]) == (400, "INVALID_INPUT")


def test_shopify_bucket_fills_at_40_and_leaks_over_time(simulators: Addresses, shop: ControlClient) -> None:
    shop.put_account("shopify", "demo", shop="demo.myshopify.com", adminAccessToken=ADMIN, leakPerSecond=0.01)
    shown = [listing(simulators).headers["x-shopify-shop-api-call-limit"] for _ in range(40)]
    refused = listing(simulators)
    shop.advance(101)

    assert (shown[0], shown[-1]) == ("1/40", "40/40")
    assert (refused.status, refused.headers["retry-after"]) == (429, "2.0")
    assert refused.json()["errors"].startswith("Exceeded 0.01 calls per second for api client.")
    assert listing(simulators).status == 200


def test_shopify_holds_100_tokens_for_an_app_on_a_shop(simulators: Addresses, shop: ControlClient) -> None:
    shop.plant_tokens("demo", count=99)
    kept = create(simulators).json()["storefront_access_token"]
    refused = create(simulators)
    path = f"{TOKENS}/{kept['id']}.json"
    deleted = send(simulators["shopify"], "DELETE", path, headers={"X-Shopify-Access-Token": ADMIN})

    assert refused.json() == {"errors": ["Api permission exceeds public access token limit of: 100"]}
    assert (deleted.status, create(simulators).status) == (200, 200)


def test_shopify_lists_planted_tokens_with_their_values(simulators: Addresses, shop: ControlClient) -> None:
    [planted] = shop.plant_tokens("demo", title="Theirs", id=10**20, accessToken="not-ours")
    made = create(simulators, "Theirs").json()["storefront_access_token"]

    assert listing(simulators).json()["storefront_access_tokens"] == [planted, made]
    assert (planted["id"], planted["access_token"]) == (10**20, "not-ours")
    assert made["admin_graphql_api_id"] == f"gid://shopify/StorefrontAccessToken/{made['id']}"


def test_shopify_titles_are_kept_as_sent(simulators: Addresses, shop: ControlClient) -> None:
    assert create(simulators, "Läden 🛒").json()["storefront_access_token"]["title"] == "Läden 🛒"
    assert shop.state()["shopify"]["demo"]["tokens"][0]["title"] == "Läden 🛒"


def test_a_bought_admin_token_works_for_a_day(simulators: Addresses, control: ControlClient) -> None:
    control.put_account(
        "shopify", "demo", shop="demo.myshopify.com", clientId="demo-client", clientSecret="demo-secret"
    )
    bought = exchange(simulators).json()

    assert bought["expires_in"] == 86399
    assert listing(simulators, bought["access_token"]).status == 200
    control.advance(86399)
    assert listing(simulators, bought["access_token"]).status == 401
    assert control.state()["shopify"]["demo"]["exchanges"] == 1


def test_a_changed_client_secret_or_a_revocation_ends_bought_tokens(
    simulators: Addresses, control: ControlClient
) -> None:
    account = {"shop": "demo.myshopify.com", "clientId": "demo-client", "clientSecret": "demo-secret"}
    control.put_account("shopify", "demo", **account)
    first = exchange(simulators).json()["access_token"]
    assert control.revoke_admin_tokens("demo") == 1
    assert listing(simulators, first).status == 401

    second = exchange(simulators).json()["access_token"]
    control.put_account("shopify", "demo", **account | {"clientSecret": "new-secret"})
    assert listing(simulators, second).status == 401
    assert exchange(simulators).status == 400
    assert exchange(simulators, "new-secret").status == 200


def test_several_shops_share_a_port(simulators: Addresses, shop: ControlClient) -> None:
    shop.put_account("shopify", "other", shop="other.myshopify.com", adminAccessToken="other-admin-token")
    create(simulators)

    assert listing(simulators, "other-admin-token").json() == {"storefront_access_tokens": []}
    assert listing(simulators, host="demo.myshopify.com").status == 200
    assert listing(simulators, host="other.myshopify.com").status == 401
    assert listing(simulators, host="nobody.myshopify.com").status == 404


def test_one_app_on_two_shops_is_told_apart_by_the_host(simulators: Addresses, control: ControlClient) -> None:
    for name in ("one", "two"):
        shop = f"{name}.myshopify.com"
        control.put_account("shopify", name, shop=shop, clientId="demo-client", clientSecret="demo-secret")
    bought = exchange(simulators, host="two.myshopify.com").json()["access_token"]

    assert exchange(simulators).json()["error"] == "invalid_request"
    assert listing(simulators, bought, host="two.myshopify.com").status == 200
    assert listing(simulators, bought, host="one.myshopify.com").status == 401


def test_parallel_creates_stop_at_exactly_100(simulators: Addresses, shop: ControlClient) -> None:
    shop.plant_tokens("demo", count=90)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: create(simulators).status, range(20)))

    assert sorted(statuses) == [200] * 10 + [400] * 10
    assert shop.state()["shopify"]["demo"]["mints"] == 10
