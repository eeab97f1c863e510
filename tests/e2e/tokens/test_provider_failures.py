"""A provider that is down, slow, throttled or wrong causes the right problem, and no token is doubled or lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.responses import fingerprint, problem_of, token_of
from tests.e2e.support.routes import CHICKSX, FOURTHWALL, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

DATA = {"code": "OK", "message": "Operation completed successfully"}
NOW = 1_795_000_000

CHICKSX_FAULTS: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "refuses the connection": ({"kind": "refuse"}, 504, "provider_unavailable", "1"),
    "drops it before acting": ({"kind": "drop_before_acting"}, 504, "provider_unavailable", "1"),
    "acts and drops it": ({"kind": "act_then_drop"}, 504, "provider_unavailable", "1"),
    "breaks off": ({"kind": "truncated"}, 504, "provider_unavailable", "1"),
    "speaks no HTTP": ({"kind": "malformed"}, 504, "provider_unavailable", "1"),
    "500": ({"kind": "status", "status": 500}, 504, "provider_unavailable", "1"),
    "503 with a time": (
        {"kind": "status", "status": 503, "headers": {"Retry-After": "7"}},
        504,
        "provider_unavailable",
        "7",
    ),
    "429 with a decimal time": (
        {"kind": "status", "status": 429, "headers": {"Retry-After": "2.0"}},
        503,
        "provider_throttled",
        "2",
    ),
    "429 with a fraction": (
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1.2"}},
        503,
        "provider_throttled",
        "2",
    ),
    "400": (
        {"kind": "status", "status": 400, "body": {"code": "INVALID_INPUT", "message": "no"}},
        502,
        "provider_error",
        None,
    ),
    "401": ({"kind": "status", "status": 401, "times": 2}, 502, "provider_rejected_credentials", None),
    "200 with HTML": ({"kind": "garbage"}, 502, "provider_error", None),
    "201 with HTML": ({"kind": "status", "status": 201, "body": "<html>"}, 502, "provider_error", None),
    "201 without data": ({"kind": "answer_override", "patch": {"data": None}}, 502, "provider_error", None),
    "a redirect": ({"kind": "redirect"}, 502, "provider_error", None),
    "2 MB": ({"kind": "huge", "bytes": 2_000_000}, 502, "provider_error", None),
    "an end that has passed": (
        {"kind": "answer_override", "patch": {"data": {"expiresAt": NOW - 1}}},
        502,
        "provider_error",
        None,
    ),
    "an end in milliseconds": (
        {"kind": "answer_override", "patch": {"data": {"expiresAt": NOW * 1000}}},
        502,
        "provider_error",
        None,
    ),
    "an end that is a string": (
        {"kind": "answer_override", "patch": {"data": {"expiresAt": "tomorrow"}}},
        502,
        "provider_error",
        None,
    ),
    "a token of 100 KB": (
        {"kind": "answer_override", "patch": {"data": {"accessToken": "x" * 100_000}}},
        502,
        "provider_error",
        None,
    ),
}


@pytest.mark.parametrize(("fault", "status", "code", "wait"), CHICKSX_FAULTS.values(), ids=CHICKSX_FAULTS)
def test_chicksx_fails(
    stack: Stack,
    control: ControlClient,
    merchants: Merchants,
    table: TokenTable,
    fault: dict[str, Any],
    status: int,
    code: str,
    wait: str | None,
) -> None:
    merchant, path = merchants.chicksx(), CHICKSX
    control.fault("chicksx", **fault)

    response = stack.call("POST", path.format(merchant=merchant.name), {"sessionId": "s"})

    problem = problem_of(response, status, code)
    assert response.headers.get("Retry-After") == wait
    assert "<html>" not in problem["detail"] + str(problem.get("provider"))
    kept = table.merchant("chicksx", merchant.name)
    assert [key for key in kept if key[1].startswith("token#")] == [], "nothing is invented"
    posts = len(control.requests("chicksx"))
    assert posts == (0 if fault["kind"] == "refuse" else fault.get("times", 1)), "a POST is not blindly repeated"

    token = token_of(stack.call("POST", path.format(merchant=merchant.name), {"sessionId": "s"}), 201)
    kept = table.merchant("chicksx", merchant.name)
    assert [key[1] for key in kept if key[1].startswith("token#")] == [f"token#{token['tokenId']}"]
    assert (
        token["accessToken"] == kept[f"chicksx#{merchant.name}#session:s", f"token#{token['tokenId']}"]["accessToken"]
    )


def test_a_missing_end_is_counted_from_now(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    control.fault("chicksx", "answer_override", patch={"data": {"expiresAt": None, "expiresIn": 600}})

    token = token_of(stack.call("POST", CHICKSX.format(merchant=merchants.chicksx().name), {"sessionId": "s"}), 201)

    assert abs(token["expiresAt"] - time.time() - 600) < 5


def test_a_providers_words_are_passed_on_without_secrets(
    stack: Stack, control: ControlClient, merchants: Merchants
) -> None:
    merchant = merchants.chicksx()
    words = f"Key {merchant.secret['apiKey']} is\nnot good for shpat_0123456789abcdef; " + "because " * 100
    control.fault("chicksx", "status", status=400, body={"code": "INVALID_INPUT", "message": words})

    response = stack.call("POST", CHICKSX.format(merchant=merchant.name), {"sessionId": "s"})

    said = problem_of(response, 502, "provider_error")["provider"]
    assert said["status"] == 400
    assert said["code"] == "INVALID_INPUT"
    assert said["message"].startswith("Key [redacted] is not good for [redacted]; because")
    assert merchant.secret["apiKey"] not in response.text


def test_fourthwalls_put_is_repeated(stack: Stack, control: ControlClient, merchants: Merchants) -> None:
    path = FOURTHWALL.format(merchant=merchants.fourthwall().name)
    control.fault("fourthwall", "status", status=503)
    control.fault("fourthwall", "act_then_drop")

    token_of(stack.call("PUT", path))

    assert [seen["fault"] for seen in control.requests("fourthwall")] == ["status", "act_then_drop", None]


def test_fourthwalls_stored_token_outlives_an_outage(
    stack: Stack, control: ControlClient, merchants: Merchants
) -> None:
    path = FOURTHWALL.format(merchant=merchants.fourthwall().name)
    token = token_of(stack.call("PUT", path))
    control.fault("fourthwall", "status", status=500, times=3)

    assert token_of(stack.call("PUT", path)) == token
    problem_of(stack.call("PUT", path, headers={"Cache-Control": "no-cache"}), 504, "provider_unavailable")
    assert token_of(stack.call("PUT", path)) == token


@pytest.fixture
def shop(merchants: Merchants) -> Merchant:
    return merchants.shopify()


def mints(control: ControlClient, merchant: Merchant) -> int:
    count: int = control.state()["shopify"][merchant.name]["mints"]
    return count


@pytest.mark.parametrize("fault", [{"kind": "act_then_drop"}, {"kind": "garbage", "act": True}, {"kind": "truncated"}])
def test_a_create_whose_answer_was_lost_is_found_again_in_the_same_call(
    stack: Stack, control: ControlClient, shop: Merchant, fault: dict[str, Any]
) -> None:
    control.fault("shopify", **fault, method="POST")

    token = token_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=shop.name)))

    assert [seen["method"] for seen in control.requests("shopify")] == ["POST", "GET"]
    [made] = control.state()["shopify"][shop.name]["tokens"]
    assert (made["id"], made["fingerprint"]) == (token["tokenId"], fingerprint(token["accessToken"]))


@pytest.mark.parametrize("kind", ["current", "standing"])
def test_a_create_whose_answer_was_lost_is_adopted_by_the_next_call(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable, kind: str
) -> None:
    """The look-up fails too: then the open intent tells the next call what to look for."""
    control.fault("shopify", "act_then_drop", method="POST")
    control.fault("shopify", "status", status=500, method="GET", times=3)
    ask = asker(stack, shop, kind)

    problem_of(ask(), 504, "provider_unavailable")

    assert mints(control, shop) == 1
    partition = table.partition(f"shopify#{shop.name}")
    [(sk, intent)] = [(sk, item) for sk, item in partition.items() if "intentId" in item]
    assert sk.partition("#")[0] == ("subject" if kind == "current" else "intent")
    assert "expiresAt" not in intent, "an unresolved intent has no end"
    assert (f"shopify#{shop.name}", sk) in table.due()

    token = token_of(ask(), 200 if kind == "current" else 201)

    assert mints(control, shop) == 1, "adopted, not doubled"
    [made] = control.state()["shopify"][shop.name]["tokens"]
    assert made["id"] == token["tokenId"]
    assert (f"shopify#{shop.name}", sk) not in table.due()


def asker(stack: Stack, merchant: Merchant, kind: str) -> Any:
    """Return a call that mints and that may be repeated."""
    if kind == "current":
        return lambda: stack.call("GET", SHOPIFY_CURRENT.format(merchant=merchant.name))
    key = {"Idempotency-Key": merchant.name}
    return lambda: stack.call("POST", SHOPIFY.format(merchant=merchant.name), {"title": "Kiosk"}, headers=key)


@pytest.mark.parametrize("kind", ["current", "standing"])
def test_a_create_that_never_happened_is_made_once(
    stack: Stack, control: ControlClient, shop: Merchant, kind: str
) -> None:
    control.fault("shopify", "drop_before_acting", method="POST")
    ask = asker(stack, shop, kind)

    problem_of(ask(), 504, "provider_unavailable")
    assert mints(control, shop) == 0

    token_of(ask(), 200 if kind == "current" else 201)
    assert mints(control, shop) == 1


def test_shopify_throttles_a_create(stack: Stack, control: ControlClient, shop: Merchant) -> None:
    control.fault("shopify", "status", status=429, headers={"Retry-After": "2.0"}, method="POST")

    response = stack.call("POST", SHOPIFY.format(merchant=shop.name), {"title": "Kiosk"})

    problem_of(response, 503, "provider_throttled")
    assert response.headers["Retry-After"] == "2"
    assert len(control.requests("shopify")) == 1


def test_shopifys_list_is_asked_again_after_the_stated_time(
    stack: Stack, control: ControlClient, shop: Merchant
) -> None:
    control.fault("shopify", "status", status=429, headers={"Retry-After": "0.5"}, method="GET")

    assert stack.call("GET", SHOPIFY.format(merchant=shop.name)).status_code == 200

    first, second = control.requests("shopify")
    assert second["at"] - first["at"] >= 0.5


@pytest.mark.parametrize(
    ("account", "status", "code"),
    [
        ({"shopStatus": "payment_required"}, 503, "shop_unavailable"),
        ({"shopStatus": "locked"}, 503, "shop_unavailable"),
        ({"accessScopes": [], "ineligibleAnswer": "extendable"}, 409, "app_not_eligible"),
        ({"accessScopes": [], "ineligibleAnswer": "eligible"}, 409, "app_not_eligible"),
        ({"accessScopes": [], "ineligibleAnswer": "empty"}, 409, "app_not_eligible"),
    ],
)
def test_shopify_refuses_the_shop_or_the_app(
    stack: Stack, control: ControlClient, merchants: Merchants, account: dict[str, Any], status: int, code: str
) -> None:
    merchant = merchants.shopify(**account)

    problem = problem_of(stack.call("GET", SHOPIFY_CURRENT.format(merchant=merchant.name)), status, code)

    if code == "app_not_eligible":
        assert problem["detail"].count("unauthenticated_") == 4
    assert mints(control, merchant) == 0


def test_the_101st_token_is_refused_until_one_is_revoked(stack: Stack, control: ControlClient, shop: Merchant) -> None:
    path = SHOPIFY.format(merchant=shop.name)
    control.plant_tokens(shop.name, title="Another app's", count=99)
    last = token_of(stack.call("POST", path, {"title": "the 100th"}), 201)

    problem = problem_of(stack.call("POST", path, {"title": "the 101st"}), 409, "token_limit_reached")
    assert "revoke" in problem["detail"].lower()
    assert stack.call("GET", path).json()["used"] == 100

    stack.call("DELETE", f"{path}/{last['tokenId']}")
    token_of(stack.call("POST", path, {"title": "the 101st"}), 201)


@pytest.mark.parametrize("answer", ["empty", "object", "text"])
def test_any_body_of_a_delete_is_a_confirmation(stack: Stack, merchants: Merchants, answer: str) -> None:
    path = SHOPIFY.format(merchant=merchants.shopify(deleteAnswer=answer).name)
    made = token_of(stack.call("POST", path, {"title": "Kiosk"}), 201)

    assert stack.call("DELETE", f"{path}/{made['tokenId']}").json() == {"revocation": "confirmed"}


def test_a_revocation_that_the_provider_did_not_confirm_is_pending(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    path = SHOPIFY.format(merchant=shop.name)
    made = token_of(stack.call("POST", path, {"title": "Kiosk"}), 201)
    control.fault("shopify", "status", status=500, method="DELETE", times=3)

    pending = stack.call("DELETE", f"{path}/{made['tokenId']}")

    assert (pending.status_code, pending.json()) == (202, {"revocation": "pending"})
    key = (f"shopify#{shop.name}", f"token#{made['tokenId']}")
    record = table.merchant("shopify", shop.name)[key]
    assert record["state"] == "revoking"
    assert "accessToken" not in record
    assert "expiresAt" not in record, "a pending revocation has no end"
    assert key in table.due()

    confirmed = stack.call("DELETE", f"{path}/{made['tokenId']}")
    assert (confirmed.status_code, confirmed.json()) == (200, {"revocation": "confirmed"})
    assert key not in table.due()


def test_the_intent_lies_in_the_table_before_the_provider_acts(
    stack: Stack, control: ControlClient, merchants: Merchants, table: TokenTable
) -> None:
    shop, chicksx = merchants.shopify(), merchants.chicksx()
    control.fault("shopify", "hang", seconds=1.5)
    control.fault("chicksx", "hang", seconds=1.5)
    with ThreadPoolExecutor() as pool:
        calls = [
            pool.submit(stack.call, "GET", SHOPIFY_CURRENT.format(merchant=shop.name)),
            pool.submit(stack.call, "POST", CHICKSX.format(merchant=chicksx.name), {"sessionId": "s"}),
        ]
        wait_until(lambda: len(control.requests()) == 2)
        shops = table.partition(f"shopify#{shop.name}")["subject#shop"]
        [sessions] = table.merchant("chicksx", chicksx.name).values()
        assert mints(control, shop) == 0
        for lease in (shops, sessions):
            assert {"owner", "leaseEnd", "intentId", "intentAt", "intentBy", "fence"} <= set(lease)
            assert lease["leaseEnd"] > time.time() + 25, "a lease outlives its holder's deadline"
            assert "expiresAt" not in lease
        token_of(calls[0].result())
        token_of(calls[1].result(), 201)

    made = control.state()["shopify"][shop.name]["tokens"][0]["title"]
    assert made.endswith(f":{shops['intentId']}]"), "the title's mark names the intent"
    for (_, sk), item in (table.merchant("shopify", shop.name) | table.merchant("chicksx", chicksx.name)).items():
        assert not {"owner", "leaseEnd", "intentId"} & set(item), f"{sk}: the token's answer ends the intent"


def test_providers_that_hang_are_given_up_before_the_gateway_gives_up(
    stack: Stack, control: ControlClient, merchants: Merchants
) -> None:
    """All three at the same time, since each takes its whole budget."""
    shop = merchants.shopify()
    calls = {
        "fourthwall": ("PUT", FOURTHWALL.format(merchant=merchants.fourthwall().name), None),
        "chicksx": ("POST", CHICKSX.format(merchant=merchants.chicksx().name), {"sessionId": "s"}),
        "shopify": ("GET", SHOPIFY_CURRENT.format(merchant=shop.name), None),
    }
    for provider in calls:
        control.fault(provider, "hang", seconds=60, times=20)

    def timed(call: tuple[str, str, Any]) -> tuple[requests.Response, float]:
        started = time.monotonic()
        return stack.call(*call), time.monotonic() - started

    with ThreadPoolExecutor() as pool:
        for response, seconds in pool.map(timed, calls.values()):
            problem_of(response, 504, "provider_unavailable")
            assert seconds < 25, f"{response.json()['detail']} after {seconds:.1f} s"
    control.forget_faults()

    # What hung may still act, so the next caller may be asked for some patience.
    for call in calls.values():
        wait_until(lambda: stack.call(*call).status_code in (200, 201), patience=20)  # noqa: B023
    assert mints(control, shop) == 1
