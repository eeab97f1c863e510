"""Reconciliations run through their function and the worker, with the table and the provider's own account."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.integration.support.concurrency import OneByOne, Quiet
from tests.integration.support.functions import CREATE, CURRENT, DELETE, LIST, MAINTAIN, RECONCILE, Worker, cold_start
from tests.integration.support.in_process_stack import MERCHANT, SECRETS, Stack
from tests.integration.support.outages import refusing
from token_broker import wiring
from token_broker.aws.store.attributes import unwrap_all
from token_broker.domain.ownership_tag import new_intent_id, tag_title
from token_broker.tokens.inventory import SETTLED_AFTER

CALLERS = 4
DAY = 24 * 60 * 60
DAILY = "reconciliation#shop"


@pytest.fixture
def provider(simulators: Addresses) -> str:
    return simulators["shopify"]


def current(stack: Stack) -> str:
    return str(stack.cold(CURRENT).api().body["tokenId"])


def create(stack: Stack, title: str = "Kiosk") -> str:
    answer = stack.worker(CREATE).api(body={"title": title}, headers={"Idempotency-Key": None})
    assert answer.status == 201, answer
    return str(answer.body["tokenId"])


def end_elsewhere(provider: str, token_id: str) -> None:
    """Somebody else ends a token with the same app."""
    address = f"{provider}/admin/api/2026-10/storefront_access_tokens/{token_id}.json"
    headers = {"X-Shopify-Access-Token": SECRETS["shopify"]["adminAccessToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"), timeout=10):  # noqa: S310
        pass


def plant(stack: Stack, broker_id: str | None = None, **fields: object) -> str:
    """Create a token with this or another stack's ownership tag and without a record."""
    if broker_id is None:
        (broker_id,) = [item["brokerId"] for item in stack.items() if item["pk"] == "broker"]
    (planted,) = stack.control.plant_tokens(MERCHANT, title=tag_title("Kiosk", broker_id, new_intent_id()), **fields)
    return str(planted["id"])


def reconcile(stack: Stack, *, apply: bool = False, worker: Worker | None = None) -> dict[str, Any]:
    answer = (worker or stack.worker(RECONCILE)).api(body={"apply": apply})
    assert answer.status == 200, answer
    return answer.body


def settle(stack: Stack) -> None:
    stack.clock.offset += SETTLED_AFTER + 1


def found(answer: dict[str, Any]) -> dict[str, list[str]]:
    assert {name: len(ids) for name, ids in answer["tokens"].items()} == answer["counts"]
    return {name: ids for name, ids in answer["tokens"].items() if ids}


def table(stack: Stack) -> list[dict[str, Any]]:
    return sorted(stack.items(), key=lambda item: (item["pk"], item["sk"]))


def record(stack: Stack, token_id: str) -> dict[str, Any]:
    (item,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    return item


def told(stack: Stack) -> list[tuple[str, object]]:
    pages = stack.dynamodb.get_paginator("scan").paginate(TableName=stack.table)
    items = [unwrap_all(item) for page in pages for item in page["Items"]]
    events = [item for item in items if item["pk"].startswith("outbox#")]
    return sorted((item["type"], item["detail"].get("why")) for item in events)


def all_kinds(stack: Stack, provider: str) -> dict[str, str]:
    """One token of each kind: its id by the finding."""
    ids = {"fine": current(stack), "lost": create(stack)}
    ids["unrecorded"] = plant(stack)
    ids["foreign"] = plant(stack, "otherone")
    end_elsewhere(provider, ids["lost"])
    settle(stack)
    return ids


def test_a_dry_run_shows_everything_and_writes_nothing(stack: Stack, provider: str) -> None:
    ids = all_kinds(stack, provider)
    before, events = table(stack), told(stack)

    answer = stack.worker(RECONCILE).api(body={}).body

    assert found(answer) == {name: [token_id] for name, token_id in ids.items()}
    assert (answer["applied"], answer["used"], answer["limit"], answer["headroom"]) == (False, 3, 100, 97)
    assert not any(answer["done"].values())
    assert (table(stack), told(stack)) == (before, events)
    reconcile(stack, apply=True)


def test_what_is_applied_is_so_and_the_next_look_finds_nothing_to_do(stack: Stack, provider: str) -> None:
    ids = all_kinds(stack, provider)

    done = reconcile(stack, apply=True)["done"]

    assert (done["adopted"], done["lost"], done["minted"]) == ([ids["unrecorded"]], [ids["lost"]], None)
    adopted, gone = record(stack, ids["unrecorded"]), record(stack, ids["lost"])
    assert (adopted["state"], adopted["title"], adopted["realm"]) == ("standing", "Kiosk", "demo.myshopify.com")
    assert (gone["state"], "accessToken" in gone) == ("lost", False)
    assert adopted["history"][0]["by"].startswith("arn:aws:sts::")
    assert told(stack)[-3:] == [("TokenIssued", "minted"), ("TokenIssued", "reconciled"), ("TokenRevoked", "lost")]
    assert found(reconcile(stack, apply=True)) == {
        "fine": [ids["fine"], ids["unrecorded"]],
        "foreign": [ids["foreign"]],
    }
    rows = {row["tokenId"]: row for row in stack.worker(LIST).api().body["tokens"]}
    assert rows[ids["unrecorded"]]["accessToken"], "what is recorded is shown with its value"


def test_an_adopted_token_can_be_revoked_by_its_id(stack: Stack) -> None:
    current(stack)
    token_id = plant(stack)
    reconcile(stack, apply=True)

    assert stack.worker(DELETE).api(path={"tokenId": token_id}, query={}).body == {"revocation": "confirmed"}
    assert found(reconcile(stack))["fine"] != [token_id]


def test_a_lost_current_token_is_replaced_at_once(stack: Stack, provider: str) -> None:
    first = current(stack)
    create(stack)
    end_elsewhere(provider, first)
    settle(stack)

    minted = reconcile(stack, apply=True)["done"]["minted"]

    assert minted not in (None, first)
    assert current(stack) == minted


def test_a_whole_shop_that_was_emptied_is_believed_at_the_second_look(stack: Stack, provider: str) -> None:
    ids = [current(stack), create(stack)]
    for token_id in ids:
        end_elsewhere(provider, token_id)
    settle(stack)
    stack.control.forget_requests()
    stack.clock.sleeps.clear()

    done = reconcile(stack, apply=True)["done"]

    assert sorted(done["lost"]) == sorted(ids)
    assert [each["method"] for each in stack.asked(RECONCILE)] == ["GET", "GET", "POST"]
    assert stack.clock.sleeps == [3.0]


def test_one_empty_list_is_not_believed(stack: Stack) -> None:
    ids = [current(stack), create(stack)]
    settle(stack)
    empty: dict[str, list[Any]] = {"storefront_access_tokens": []}
    stack.control.fault("shopify", "status", method="GET", status=200, body=empty)

    assert found(reconcile(stack, apply=True)) == {"fine": ids}


@pytest.mark.parametrize("kind", ["drop_before_acting", "garbage"])
def test_a_provider_without_a_sensible_list_changes_nothing(stack: Stack, kind: str) -> None:
    current(stack)
    settle(stack)
    before = table(stack)
    stack.control.fault("shopify", kind, method="GET", times=3)

    assert stack.worker(RECONCILE).api(body={"apply": True}).code in ("provider_unavailable", "provider_error")
    assert table(stack) == before


def test_a_table_that_fails_midway_is_done_with_the_next_time(stack: Stack) -> None:
    current(stack)
    ids = [plant(stack), plant(stack)]
    worker = stack.worker(RECONCILE)
    with refusing(stack.dynamodb, "TransactWriteItems", spared=1):
        assert worker.api(body={"apply": True}).code == "storage_unavailable"

    assert reconcile(stack, apply=True)["done"]["adopted"] == [ids[1]]
    assert told(stack).count(("TokenIssued", "reconciled")) == 2


def test_a_write_that_happened_unseen_is_found_done(stack: Stack) -> None:
    current(stack)
    token_id = plant(stack)
    worker = stack.worker(RECONCILE)
    with refusing(stack.dynamodb, "TransactWriteItems", acted=True):
        assert worker.api(body={"apply": True}).code == "storage_unavailable"

    answer = reconcile(stack, apply=True)
    assert (answer["done"]["adopted"], record(stack, token_id)["state"]) == ([], "standing")
    assert told(stack).count(("TokenIssued", "reconciled")) == 1


def test_of_many_at_once_each_thing_is_done_once(stack: Stack, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = all_kinds(stack, provider)
    end_elsewhere(provider, ids["fine"])
    lock, start = Lock(), Barrier(CALLERS)
    clients = {"dynamodb": stack.dynamodb, "secretsmanager": stack.secretsmanager}
    monkeypatch.setattr(wiring, "client", lambda service: OneByOne(clients[service], lock))
    workers = [cold_start(RECONCILE, clock=stack.clock, telemetry=Quiet()) for _ in range(CALLERS)]

    def apply(worker: Worker) -> dict[str, Any]:
        start.wait(timeout=10)
        done: dict[str, Any] = reconcile(stack, apply=True, worker=worker)["done"]
        return done

    with ThreadPoolExecutor(CALLERS) as threads:
        done = list(threads.map(apply, workers))

    for name, expected in (("adopted", [ids["unrecorded"]]), ("lost", sorted([ids["fine"], ids["lost"]]))):
        assert sorted(token_id for each in done for token_id in each[name]) == expected
    assert stack.mints("shopify") == 3
    assert told(stack).count(("TokenRevoked", "lost")) == 2


@pytest.mark.parametrize("body", [{"apply": "true"}, {"apply": 1}, {"apply": None}, {"aply": True}, []])
def test_what_makes_no_sense_is_refused_before_anything_is_asked(stack: Stack, body: Any) -> None:
    answer = stack.worker(RECONCILE).api(raw_body=json.dumps(body))

    assert (answer.status, answer.code) == (400, "invalid_request")
    assert stack.asked(RECONCILE) == []


@pytest.mark.parametrize("apply", [False, True])
def test_an_unknown_merchant_leaves_nothing(stack: Stack, *, apply: bool) -> None:
    answer = stack.worker(RECONCILE).api(path={"merchant": "nobody"}, body={"apply": apply})

    assert (answer.status, answer.code) == (404, "merchant_not_found")
    assert stack.items() == []


def test_few_places_left_are_told_once(stack: Stack) -> None:
    stack.control.plant_tokens(MERCHANT, count=85)

    answers = [reconcile(stack, apply=True) for _ in range(2)]

    assert [each["headroom"] for each in answers] == [15, 15]
    assert told(stack) == [("TokenLimitNear", None)]


# At the limit


def test_a_create_at_the_limit_has_what_is_to_go_ended_first(stack: Stack) -> None:
    gone = create(stack)
    stack.control.fault("shopify", "status", method="DELETE", status=503, times=3)
    assert stack.worker(DELETE).api(path={"tokenId": gone}, query={}).body == {"revocation": "pending"}
    stack.control.plant_tokens(MERCHANT, count=99)
    stack.control.forget_requests()

    made = create(stack)

    assert [each["method"] for each in stack.asked(CREATE)] == ["POST", "GET", "DELETE", "POST"]
    assert (record(stack, gone)["state"], record(stack, made)["state"]) == ("revoked", "standing")


def test_where_nothing_is_to_go_the_refusal_says_what_would_help(stack: Stack) -> None:
    made = create(stack)
    plant(stack)
    stack.control.plant_tokens(MERCHANT, count=98)

    answer = stack.worker(CREATE).api(body={"title": "One more"}, headers={"Idempotency-Key": None})

    assert (answer.status, answer.code) == (409, "token_limit_reached")
    assert f"1 standing, for example {made} (revoke those that nobody uses)" in answer.body["detail"]
    assert "98 foreign" in answer.body["detail"]
    assert "1 without a record" in answer.body["detail"]
    assert [item for item in stack.items() if "intentId" in item] == []
    reconcile(stack, apply=True)


# The dispatcher


def worker_does(stack: Stack) -> dict[str, int]:
    done: dict[str, int] = stack.worker(MAINTAIN).invoke({"merchant": MERCHANT, "items": [DAILY]})
    return done


def test_the_worker_reconciles_every_day(stack: Stack, provider: str) -> None:
    ids = all_kinds(stack, provider)
    assert worker_does(stack) == {"done": 0, "putOff": 0, "left": 1}
    stack.clock.offset += DAY

    assert worker_does(stack) == {"done": 1, "putOff": 0, "left": 0}

    assert record(stack, ids["unrecorded"])["history"][0]["by"] == "clock"
    assert record(stack, ids["lost"])["state"] == "lost"
    assert worker_does(stack) == {"done": 0, "putOff": 0, "left": 1}


def test_a_merchant_who_is_gone_is_due_no_more(stack: Stack) -> None:
    token_id = create(stack)
    stack.worker(DELETE).api(path={"tokenId": token_id}, query={})
    stack.remove_secret("shopify", ForceDeleteWithoutRecovery=True)
    stack.cold(MAINTAIN)
    stack.clock.offset += DAY

    assert worker_does(stack) == {"done": 1, "putOff": 0, "left": 0}
    assert [item for item in stack.items() if item["sk"] == DAILY and "due" in item] == []
