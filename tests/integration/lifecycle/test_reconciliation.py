"""A reconciliation runs through its function, with the table and the provider's own account."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.integration.support.concurrency import OneByOne, Quiet
from tests.integration.support.functions import CREATE, CURRENT, LIST, RECONCILE, Worker, cold_start
from tests.integration.support.in_process_stack import MERCHANT, SECRETS, Stack
from tests.integration.support.outages import refusing
from token_broker import wiring
from token_broker.domain.ownership_tag import new_intent_id, tag_title
from token_broker.tokens.inventory import SETTLED_AFTER

CALLERS = 4


@pytest.fixture
def provider(simulators: Addresses) -> str:
    return simulators.shopify


def end_elsewhere(provider: str, token_id: str) -> None:
    """Somebody else ends a token with the same app."""
    address = f"{provider}/admin/api/2026-10/storefront_access_tokens/{token_id}.json"
    headers = {"X-Shopify-Access-Token": SECRETS["shopify"]["adminAccessToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"), timeout=10):  # noqa: S310
        pass


def plant(stack: Stack, broker_id: str) -> str:
    """Create a token with this or another stack's ownership tag and without a record."""
    (planted,) = stack.control.plant_tokens(MERCHANT, title=tag_title("Kiosk", broker_id, new_intent_id()))
    return str(planted["id"])


def reconcile(stack: Stack, *, apply: bool, worker: Worker | None = None) -> dict[str, Any]:
    answer = (worker or stack.worker(RECONCILE)).api(body={"apply": apply})
    assert answer.status == 200, answer
    return answer.body


def found(answer: dict[str, Any]) -> dict[str, list[str]]:
    assert {name: len(ids) for name, ids in answer["tokens"].items()} == answer["counts"]
    return {name: ids for name, ids in answer["tokens"].items() if ids}


def record(stack: Stack, token_id: str) -> dict[str, Any]:
    (item,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    return item


def told(stack: Stack) -> list[tuple[str, object]]:
    return sorted((item["type"], item["detail"].get("why")) for item in stack.told())


@pytest.fixture
def ids(stack: Stack, provider: str) -> dict[str, str]:
    """Create one token of each kind, and return its id by the finding."""
    made = {"fine": str(stack.worker(CURRENT).api().body["tokenId"])}
    made["lost"] = str(stack.worker(CREATE).api(body={"title": "Kiosk"}).body["tokenId"])
    (broker_id,) = [item["brokerId"] for item in stack.items() if item["pk"] == "broker"]
    made |= {"unrecorded": plant(stack, broker_id), "foreign": plant(stack, "otherone")}
    end_elsewhere(provider, made["lost"])
    stack.clock.offset += SETTLED_AFTER + 1
    return made


def test_a_dry_run_shows_everything_and_writes_nothing(stack: Stack, ids: dict[str, str]) -> None:
    before = stack.items(), stack.told()

    answer = stack.worker(RECONCILE).api(body={}).body

    assert found(answer) == {name: [token_id] for name, token_id in ids.items()}
    assert (answer["applied"], answer["used"], answer["limit"], answer["headroom"]) == (False, 3, 100, 97)
    assert not any(answer["done"].values())
    assert (stack.items(), stack.told()) == before
    reconcile(stack, apply=True)  # so that the table and the provider agree


def test_what_is_applied_is_so_and_the_next_look_finds_nothing_to_do(stack: Stack, ids: dict[str, str]) -> None:
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


def test_a_write_that_happened_unseen_is_found_done(stack: Stack, ids: dict[str, str]) -> None:
    worker = stack.worker(RECONCILE)
    with refusing(stack.dynamodb, "TransactWriteItems", acted=True):
        assert worker.api(body={"apply": True}).code == "storage_unavailable"

    answer = reconcile(stack, apply=True)
    assert (answer["done"]["adopted"], record(stack, ids["unrecorded"])["state"]) == ([], "standing")
    assert told(stack).count(("TokenIssued", "reconciled")) == 1


def test_of_many_at_once_each_thing_is_done_once(
    stack: Stack, provider: str, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_elsewhere(provider, ids["fine"])
    monkeypatch.setattr(wiring, "client", OneByOne.clients(stack))
    workers = [cold_start(RECONCILE, clock=stack.clock, telemetry=Quiet()) for _ in range(CALLERS)]
    start = Barrier(CALLERS)

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
