"""A reconciliation's writes to the table: one that happened unseen, and those of many runs at once."""

import urllib.request
from functools import partial
from typing import Any

import pytest

from sandbox.simulators import Addresses
from tests.callers import at_once
from tests.integration.support.concurrency import OneByOne, Quiet
from tests.integration.support.functions import CREATE, CURRENT, RECONCILE, Worker, cold_start
from tests.integration.support.in_process_stack import MERCHANT, SECRETS, Stack
from tests.integration.support.outages import refusing
from token_broker import wiring
from token_broker.domain.ownership_tag import new_intent_id, tag_title
from token_broker.tokens.inventory import SETTLED_AFTER

CALLERS = 4


@pytest.fixture
def provider(simulators: Addresses) -> str:
    return simulators["shopify"]


def end_elsewhere(provider: str, token_id: str) -> None:
    """Somebody else ends a token with the same app."""
    address = f"{provider}/admin/api/2026-10/storefront_access_tokens/{token_id}.json"
    headers = {"X-Shopify-Access-Token": SECRETS["shopify"]["adminAccessToken"]}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="DELETE"), timeout=10):  # noqa: S310
        pass


def applied(worker: Worker) -> dict[str, Any]:
    """Reconcile, and return what was done."""
    answer = worker.api(body={"apply": True})
    assert answer.status == 200, answer
    return dict(answer.body["done"])


def record(stack: Stack, token_id: str) -> dict[str, Any]:
    (item,) = [item for item in stack.items() if item["sk"] == f"token#{token_id}"]
    return item


def told(stack: Stack) -> list[tuple[str, object]]:
    return sorted((item["type"], item["detail"].get("why")) for item in stack.told())


@pytest.fixture
def ids(stack: Stack, provider: str) -> dict[str, str]:
    """Create a token of each of three kinds, and return its id by the finding."""
    made = {"fine": str(stack.worker(CURRENT).api().body["tokenId"])}
    made["lost"] = str(stack.worker(CREATE).api(body={"title": "Kiosk"}).body["tokenId"])
    (broker_id,) = [item["brokerId"] for item in stack.items() if item["pk"] == "broker"]
    (planted,) = stack.control.plant_tokens(MERCHANT, title=tag_title("Kiosk", broker_id, new_intent_id()))
    made["unrecorded"] = str(planted["id"])
    end_elsewhere(provider, made["lost"])
    stack.clock.offset += SETTLED_AFTER + 1
    return made


def test_a_write_that_happened_unseen_is_found_done(stack: Stack, ids: dict[str, str]) -> None:
    worker = stack.worker(RECONCILE)
    with refusing(stack.dynamodb, "TransactWriteItems", acted=True):
        assert worker.api(body={"apply": True}).code == "storage_unavailable"

    assert (applied(worker)["adopted"], record(stack, ids["unrecorded"])["state"]) == ([], "standing")
    assert told(stack).count(("TokenIssued", "reconciled")) == 1


def test_of_many_at_once_each_thing_is_done_once(
    stack: Stack, provider: str, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_elsewhere(provider, ids["fine"])
    monkeypatch.setattr(wiring, "client", OneByOne.clients(stack))
    workers = [cold_start(RECONCILE, clock=stack.clock, telemetry=Quiet()) for _ in range(CALLERS)]

    done = at_once([partial(applied, worker) for worker in workers])

    for name, expected in (("adopted", [ids["unrecorded"]]), ("lost", sorted([ids["fine"], ids["lost"]]))):
        assert sorted(token_id for each in done for token_id in each[name]) == expected
    assert stack.mints("shopify") == 3
    assert told(stack).count(("TokenRevoked", "lost")) == 2
