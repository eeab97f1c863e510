"""On the deployed stack a merchant opts in to rotation, and the worker makes another token current in time.

The tests run the dispatcher themselves, and make the current token older in the table.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from botocore.credentials import Credentials

from sandbox.signed_api import Stack
from sandbox.simulators import ControlClient
from tests.e2e.conftest import Aws
from tests.e2e.support import dispatcher_runs
from tests.e2e.support.merchants import Merchant, Merchants
from tests.e2e.support.own_stack import PROJECT
from tests.e2e.support.principals import iam_user, may_call
from tests.e2e.support.responses import fingerprint, problem_of, raised_problem, token_of
from tests.e2e.support.routes import ROTATION_SETTINGS, SHOPIFY, SHOPIFY_CURRENT
from tests.e2e.support.token_table import TokenTable
from tests.e2e.support.waiting import wait_until

ADMINISTRATOR = "arn:aws:iam::000000000000:root"
DAY = 24 * 60 * 60
DEFAULTS = {"maxAgeDays": None, "overlapDays": 7, "paused": False}
WRITERS = 6

type Row = dict[str, Any]


@pytest.fixture
def shop(merchants: Merchants, control: ControlClient) -> Merchant:
    return merchants.shopify()


@pytest.fixture
def credentials(stack: Stack, aws: Aws, shop: Merchant) -> Iterator[Credentials]:
    """Yield the backend's credentials, which allow this merchant's routes."""
    with iam_user(aws("iam"), [may_call(stack, shop.name)]) as (_, made):
        yield made


def put(stack: Stack, shop: Merchant, settings: object, **more: Any) -> requests.Response:
    return stack.call("PUT", ROTATION_SETTINGS.format(merchant=shop.name), settings, **more)


def get(stack: Stack, shop: Merchant, **more: Any) -> requests.Response:
    return stack.call("GET", ROTATION_SETTINGS.format(merchant=shop.name), **more)


def settings_of(response: requests.Response, revision: int | None) -> Row:
    """Return the settings of a response after checking its status and headers."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers.get("ETag") == (None if revision is None else f'"{revision}"')
    settings: Row = response.json()
    return settings


def items_of(table: TokenTable, shop: Merchant) -> dict[str, Row]:
    return table.partition(f"shopify#{shop.name}")


def current_token(stack: Stack, shop: Merchant) -> Row:
    path = SHOPIFY_CURRENT.format(merchant=shop.name)
    return token_of(stack.call("GET", path, headers={"Cache-Control": "no-cache"}))


def record(stack: Stack, shop: Merchant, token_id: str) -> requests.Response:
    return stack.call("GET", f"{SHOPIFY.format(merchant=shop.name)}/{token_id}")


@pytest.fixture
def make_older(aws: Aws, table: TokenTable) -> Callable[[Merchant, int], None]:
    """As if so many days had passed: the current token is older by them, and what waits waits less."""

    def move(shop: Merchant, days: int) -> None:
        dynamodb = aws("dynamodb")
        items = items_of(table, shop)

        def change(sk: str, name: str, value: int, **names: Any) -> None:
            dynamodb.update_item(
                TableName=table.name,
                Key={"pk": {"S": f"shopify#{shop.name}"}, "sk": {"S": sk}},
                UpdateExpression=f"SET {name} = :value",
                ExpressionAttributeValues={":value": {"N": str(value)}},
                **names,
            )

        current = items["subject#shop"]["current"]
        names = {"ExpressionAttributeNames": {"#current": "current"}}
        change("subject#shop", "#current.issuedAt", int(current["issuedAt"]) - days * DAY, **names)
        for sk, item in items.items():
            if "dueAt" in item:
                change(sk, "dueAt", int(item["dueAt"]) - days * DAY)

    return move


def looked_at(table: TokenTable, shop: Merchant) -> bool:
    """Return whether the worker has scheduled the next check."""
    return bool(items_of(table, shop)["settings#rotation"].get("dueAt", 0) > time.time())


def run_dispatcher(stack: Stack, happened: Callable[[], object]) -> None:
    dispatcher_runs.run(stack)
    wait_until(happened)


# The routes


def test_settings_are_put_got_and_changed_by_whoever_has_seen_them(
    stack: Stack, control: ControlClient, shop: Merchant, table: TokenTable
) -> None:
    document = {"maxAgeDays": 90, "overlapDays": 14, "paused": False}
    assert settings_of(get(stack, shop), None) == DEFAULTS

    assert settings_of(put(stack, shop, document, headers={"If-None-Match": "*"}), 1) == document
    assert settings_of(get(stack, shop), 1) == document
    again = put(stack, shop, document, headers={"If-None-Match": "*"})
    assert settings_of(again, 1) == document, "a repeated call changes nothing"
    problem_of(put(stack, shop, {}, headers={"If-None-Match": "*"}), 412, "precondition_failed")
    for stale in ('"2"', 'W/"1"', '"x"'):
        problem_of(put(stack, shop, {}, headers={"If-Match": stale}), 412, "precondition_failed")
    paused = settings_of(put(stack, shop, {"paused": True}, headers={"If-Match": '"1"'}), 2)

    assert paused == {**DEFAULTS, "paused": True}
    item = items_of(table, shop)["settings#rotation"]
    assert item.pop("changeId")
    assert abs(float(item.pop("changedAt")) - time.time()) < 600
    assert item == {"overlap": 7 * DAY, "paused": True, "revision": 2, "changedBy": ADMINISTRATOR}
    assert control.requests() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxAgeDays": 0},
        {"maxAgeDays": 3651},
        {"maxAgeDays": 1.5},
        {"maxAgeDays": "90"},
        {"overlapDays": 0},
        {"overlapDays": None},
        {"paused": "yes"},
        {"merchant": "demo"},
        {"unknown": 1},
        {"maxAgeDays": 1, "overlapDays": 365},
        b"[]",
        b'{"maxAgeDays": NaN}',
    ],
)
def test_what_is_no_setting_is_refused(stack: Stack, shop: Merchant, table: TokenTable, wrong: object) -> None:
    problem_of(put(stack, shop, wrong), 400, "invalid_request")
    assert items_of(table, shop) == {}


def test_an_unknown_merchant_leaves_nothing(stack: Stack, merchants: Merchants, table: TokenTable) -> None:
    name = merchants.nobody()
    path = ROTATION_SETTINGS.format(merchant=name)

    problem_of(stack.call("PUT", path, {"maxAgeDays": 90}), 404, "merchant_not_found")
    problem_of(stack.call("GET", path), 404, "merchant_not_found")
    answer, error = stack.invoke("shopify/put_rotation_settings", {"merchant": name, "maxAgeDays": 90})
    assert error == "MerchantNotFound"
    raised_problem(answer, 404, "merchant_not_found")

    assert table.merchant("shopify", name) == {}


def test_a_backend_is_held_to_its_merchant(
    stack: Stack, merchants: Merchants, shop: Merchant, credentials: Credentials
) -> None:
    other = merchants.shopify()

    settings_of(put(stack, shop, {"maxAgeDays": 90}, credentials=credentials), 1)
    settings_of(get(stack, shop, credentials=credentials), 1)
    assert put(stack, other, {"maxAgeDays": 90}, credentials=credentials).status_code == 403
    assert get(stack, other, credentials=credentials).status_code == 403
    for method in ("PUT", "GET"):
        path = ROTATION_SETTINGS.format(merchant=shop.name)
        problem_of(stack.call(method, path, signed=False), 401, "unauthenticated")
        problem_of(stack.call(method, f"{path}?merchant={other.name}"), 400, "invalid_request")
    assert settings_of(get(stack, other), None) == DEFAULTS


def test_of_those_who_change_them_at_once_exactly_one_wins(stack: Stack, shop: Merchant) -> None:
    put(stack, shop, {"maxAgeDays": 90})
    start = threading.Barrier(WRITERS)

    def writer(number: int) -> requests.Response:
        start.wait(10)
        return put(stack, shop, {"maxAgeDays": 100 + number}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(WRITERS) as pool:
        responses = list(pool.map(writer, range(WRITERS)))

    assert sorted(response.status_code for response in responses) == [200, *[412] * (WRITERS - 1)]
    (won,) = [response.json() for response in responses if response.ok]
    assert settings_of(get(stack, shop), 2) == won


@pytest.mark.parametrize("function", ["put_rotation_settings", "get_rotation_settings"])
def test_the_sample_events_run_on_the_deployed_functions(stack: Stack, function: str) -> None:
    for entry_point in ("direct", "api"):
        event = json.loads((PROJECT / f"events/shopify/{function}/{entry_point}.json").read_text())
        answer, error = stack.invoke(f"shopify/{function}", event)
        # The samples are about the merchant `demo`, who may have settings already.
        if entry_point == "direct":
            assert error in (None, "PreconditionFailed"), answer
        else:
            assert answer["statusCode"] in (200, 412)


# The dispatcher


def test_a_token_of_that_age_is_replaced_and_revoked_after_its_overlap(
    stack: Stack,
    control: ControlClient,
    shop: Merchant,
    table: TokenTable,
    make_older: Callable[[Merchant, int], None],
) -> None:
    first = current_token(stack, shop)
    put(stack, shop, {"maxAgeDays": 90, "overlapDays": 7})
    run_dispatcher(stack, lambda: looked_at(table, shop))
    assert "rotation#shop" not in items_of(table, shop), "it is not old enough"

    make_older(shop, 91)
    run_dispatcher(stack, lambda: "rotation#shop" in items_of(table, shop) and looked_at(table, shop))
    run_dispatcher(stack, lambda: "dueAt" not in items_of(table, shop)["rotation#shop"])

    second = current_token(stack, shop)
    assert second["tokenId"] != first["tokenId"]
    assert items_of(table, shop)["rotation#shop"]["requestedBy"] == "clock"
    retiring = record(stack, shop, first["tokenId"]).json()
    assert (retiring["state"], retiring["accessToken"]) == ("retiring", first["accessToken"])
    due_in = float(items_of(table, shop)["settings#rotation"]["dueAt"]) - time.time()
    assert 89 * DAY < due_in < 91 * DAY

    make_older(shop, 8)
    run_dispatcher(stack, lambda: items_of(table, shop)[f"token#{first['tokenId']}"]["state"] == "revoked")

    assert [str(token["id"]) for token in control.state()["shopify"][shop.name]["tokens"]] == [second["tokenId"]]
    response = record(stack, shop, first["tokenId"])
    shown = response.json()
    assert (shown["state"], shown["accessToken"]) == ("revoked", None)
    assert shown["fingerprint"] == fingerprint(first["accessToken"])
    assert first["accessToken"] not in response.text
    assert [(line["from"], line["to"], line["why"]) for line in shown["history"]] == [
        (None, "current", "minted"),
        ("current", "retiring", "rotated"),
        ("retiring", "revoking", "rotated"),
        ("revoking", "revoked", "rotated"),
    ]
    began, _, *ended = [line["by"] for line in shown["history"]]
    assert (began, ended) == (ADMINISTRATOR, ["clock", "clock"])
    answer, error = stack.invoke(
        "shopify/get_storefront_access_token", {"merchant": shop.name, "tokenId": first["tokenId"]}
    )
    assert (error, answer) == (None, shown)


def test_a_paused_merchants_token_is_left_alone(
    stack: Stack, shop: Merchant, table: TokenTable, make_older: Callable[[Merchant, int], None]
) -> None:
    first = current_token(stack, shop)
    put(stack, shop, {"maxAgeDays": 30})
    run_dispatcher(stack, lambda: looked_at(table, shop))
    put(stack, shop, {"maxAgeDays": 30, "paused": True})
    make_older(shop, 31)
    assert "dueAt" not in items_of(table, shop)["settings#rotation"]
    work = {"merchant": shop.name, "items": ["settings#rotation"]}

    assert stack.invoke("shopify/maintain", work) == ({"done": 0, "putOff": 0, "left": 1}, None)

    assert "rotation#shop" not in items_of(table, shop)
    assert current_token(stack, shop)["tokenId"] == first["tokenId"]


def test_a_schedule_that_fires_twice_at_once_begins_one_rotation(
    stack: Stack,
    control: ControlClient,
    shop: Merchant,
    table: TokenTable,
    make_older: Callable[[Merchant, int], None],
) -> None:
    current_token(stack, shop)
    put(stack, shop, {"maxAgeDays": 30})
    run_dispatcher(stack, lambda: looked_at(table, shop))
    make_older(shop, 31)
    work = {"merchant": shop.name, "items": ["settings#rotation"]}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: stack.invoke("shopify/maintain", work), range(4)))

    assert [error for _, error in answers] == [None] * 4
    assert sum(answer["done"] for answer, _ in answers) >= 1
    run_dispatcher(stack, lambda: "dueAt" not in items_of(table, shop)["rotation#shop"])
    assert control.state()["shopify"][shop.name]["mints"] == 2
    assert looked_at(table, shop)


# One token's record


def test_what_has_no_record_is_not_found_and_what_is_no_id_is_refused(
    stack: Stack, control: ControlClient, shop: Merchant, merchants: Merchants
) -> None:
    [planted] = control.plant_tokens(shop.name, title="Somebody else's")
    foreign = str(planted["id"])
    problem_of(record(stack, shop, foreign), 404, "token_not_found")
    problem_of(stack.call("GET", f"{SHOPIFY.format(merchant=merchants.nobody())}/5"), 404, "token_not_found")
    problem_of(record(stack, shop, "nobody"), 400, "invalid_request")
    path = f"{SHOPIFY.format(merchant=shop.name)}/{foreign}"
    problem_of(stack.call("GET", path, signed=False), 401, "unauthenticated")
    assert control.requests() == []

    assert stack.call("DELETE", f"{path}?foreign=true").json() == {"revocation": "confirmed"}
    shown = record(stack, shop, foreign)

    assert (shown.json()["origin"], shown.json()["state"], shown.json()["accessToken"]) == ("foreign", "revoked", None)
    assert planted["access_token"] not in shown.text
