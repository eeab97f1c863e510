"""A reconciliation writes each change and its event only if the state is still the one that it read."""

from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import DAY, INTENT, MERCHANT, NOW, OTHER_INTENT, StoreBench, shop_token
from token_broker.aws.store.attributes import unwrap_all
from token_broker.aws.store.outbox_items import PREFIX
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.events import token_limit_near
from token_broker.domain.pending import Reconciliation
from token_broker.domain.token import SHOP, Change, Reason, State, Token
from token_broker.errors import RequestOutcome

BY_CLOCK = Change("clock", Reason.RECONCILED)
LOST = Change("clock", Reason.LOST)
PARTITION = "shopify#acme"


@pytest.fixture
def store(bench: StoreBench) -> DynamoStore:
    return bench.store()


def daily(bench: StoreBench) -> dict[str, Any] | None:
    return bench.item(PARTITION, "reconciliation#shop")


def outbox(bench: StoreBench) -> list[dict[str, Any]]:
    """Return the outbox items."""
    page = bench.dynamodb.query(
        TableName=bench.table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"{PREFIX}{PARTITION}"}},
    )
    return [unwrap_all(item) for item in page["Items"]]


def told(bench: StoreBench) -> list[tuple[str, object, object]]:
    found = [(item["type"], item["detail"]) for item in outbox(bench)]
    return sorted((kind, detail.get("tokenId"), detail.get("why")) for kind, detail in found)


def hush(bench: StoreBench) -> None:
    """Delete the merchant's events from the outbox."""
    for item in outbox(bench):
        key = {"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}}
        bench.dynamodb.delete_item(TableName=bench.table_name, Key=key)


def record(bench: StoreBench, token_id: str = "1001") -> dict[str, Any]:  # noqa: S107  # an id
    found = bench.item(PARTITION, f"token#{token_id}")
    assert found is not None
    return found


# The time of the next reconciliation


def test_a_merchant_is_watched_once_and_its_time_stays(bench: StoreBench) -> None:
    for due_at in (5000, 6000):
        bench.store().reconciliations.schedule(MERCHANT, due_at)

    item = daily(bench)
    assert item is not None
    assert (item["dueAt"], (PARTITION, "reconciliation#shop") in bench.due()) == (5000, True)
    assert bench.store().reconciliations.get(MERCHANT) == Reconciliation(merchant=MERCHANT, due_at=5000)


def test_a_process_writes_it_once(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    bench.dynamodb.delete_item(
        TableName=bench.table_name, Key={"pk": {"S": PARTITION}, "sk": {"S": "reconciliation#shop"}}
    )
    store.reconciliations.schedule(MERCHANT, 5000)
    store.reconciliations.schedule("other", 5000)

    assert daily(bench) is None
    assert store.reconciliations.get("other") is not None


def test_no_reconciliation_is_none(store: DynamoStore) -> None:
    assert store.reconciliations.get(MERCHANT) is None


def test_its_end_is_the_next_ones_begin(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    store.schedule.reschedule(Reconciliation(merchant=MERCHANT, due_at=5000), 5060, failure="provider_unavailable")
    seen = store.reconciliations.get(MERCHANT)
    assert seen == Reconciliation(merchant=MERCHANT, due_at=5060, tries=1)

    store.reconciliations.complete(seen, 9000, None)

    assert store.reconciliations.get(MERCHANT) == Reconciliation(merchant=MERCHANT, due_at=9000)
    item = daily(bench)
    assert item is not None
    assert item["reconciledAt"] == int(NOW)


def test_one_that_nobody_had_planned_is_planned_from_then_on(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.complete(Reconciliation(merchant=MERCHANT), 9000, None)

    assert (PARTITION, "reconciliation#shop") in bench.due()


def near(used: int = 95) -> Any:
    return token_limit_near("shopify", MERCHANT, used=used, limit=100, at=NOW)


def test_a_limit_event_is_not_repeated_until_there_is_room(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.complete(Reconciliation(merchant=MERCHANT), 9000, 4000, near())
    (event,) = outbox(bench)
    assert (event["type"], event["detail"]) == ("TokenLimitNear", {"used": 95, "limit": 100, "headroom": 5})

    seen = store.reconciliations.get(MERCHANT)
    assert seen == Reconciliation(merchant=MERCHANT, due_at=9000, near_at=4000)
    store.reconciliations.complete(seen, 9001, seen.near_at)
    seen = store.reconciliations.get(MERCHANT)
    assert seen is not None
    assert seen.near_at == 4000
    store.reconciliations.complete(seen, 9002, None)
    assert store.reconciliations.get(MERCHANT) == Reconciliation(merchant=MERCHANT, due_at=9002)


def test_who_saw_it_before_another_ended_it_changes_and_tells_nothing(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    seen = store.reconciliations.get(MERCHANT)
    assert seen is not None
    store.reconciliations.complete(seen, 9000, 4000, near())

    store.reconciliations.complete(seen, 9999, 4999, near())
    store.reconciliations.complete(seen, 9999, None)
    store.schedule.reschedule(seen, 9999, failure="provider_unavailable")
    store.reconciliations.cancel(seen)
    store.reconciliations.complete(Reconciliation(merchant=MERCHANT), 9999, None)

    assert store.reconciliations.get(MERCHANT) == Reconciliation(merchant=MERCHANT, due_at=9000, near_at=4000)
    assert len(told(bench)) == 1


def test_the_end_of_the_watch_is_due_no_more_until_the_next_token(store: DynamoStore, bench: StoreBench) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    store.reconciliations.cancel(Reconciliation(merchant=MERCHANT, due_at=5000))
    assert bench.due() == []

    store.reconciliations.schedule(MERCHANT, 7000)
    assert store.reconciliations.get(MERCHANT) == Reconciliation(merchant=MERCHANT, due_at=7000)


# Intents


def test_open_intents_are_found_and_ended_ones_are_not(store: DynamoStore, bench: StoreBench) -> None:
    assert store.leases.open_intent_ids(MERCHANT) == frozenset()
    current = bench.begin(store)
    key = {"key_id": "k" * 26, "body_hash": "b"}
    standing = bench.acquire_standing(store, "owner-2", intent_id=OTHER_INTENT, **key)

    assert store.leases.open_intent_ids(MERCHANT) == {INTENT, OTHER_INTENT}
    store.leases.release(current, RequestOutcome.UNKNOWN)
    store.leases.commit(standing, shop_token("1002", state=State.STANDING))
    assert store.leases.open_intent_ids(MERCHANT) == {INTENT}
    assert store.leases.open_intent_ids("other") == frozenset()


# Tokens


def test_a_token_is_adopted_once(store: DynamoStore, bench: StoreBench) -> None:
    found = shop_token(state=State.STANDING)

    assert [store.corrections.adopt(found, BY_CLOCK), store.corrections.adopt(found, BY_CLOCK)] == [True, False]

    assert store.tokens.get(MERCHANT, "1001") == found
    assert record(bench)["history"] == [{"at": int(NOW), "by": "clock", "to": "standing", "why": "reconciled"}]
    assert told(bench) == [("TokenIssued", "1001", "reconciled")]


def test_a_record_that_is_there_is_never_overwritten(store: DynamoStore, bench: StoreBench) -> None:
    issued = bench.issue(store, shop_token(state=State.STANDING))
    store.tokens.mark_revoking(issued, BY_ANN)
    store.tokens.mark_revoked(issued, BY_ANN)

    assert not store.corrections.adopt(shop_token(state=State.STANDING), BY_CLOCK)
    assert record(bench)["state"] == "revoked"


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_a_lost_token_is_served_no_more(store: DynamoStore, bench: StoreBench, state: State) -> None:
    issued = bench.issue(store, shop_token(state=state))
    hush(bench)

    assert [store.corrections.mark_lost(issued, LOST), store.corrections.mark_lost(issued, LOST)] == [True, False]

    assert store.leases.state(MERCHANT, SHOP).token is None
    item = record(bench)
    assert (item["state"], "accessToken" in item, item["expiresAt"]) == ("lost", False, int(NOW) + 90 * DAY)
    assert item["history"][-1] == {"at": int(NOW), "by": "clock", "from": state.value, "to": "lost", "why": "lost"}
    assert told(bench) == [("TokenRevoked", "1001", "lost")]


def retire(store: DynamoStore, token: Token) -> None:
    store._items.table.write(store._items.retiring(token, BY_ANN, int(NOW) + DAY))


def test_a_lost_token_that_was_retiring_is_due_no_more(store: DynamoStore, bench: StoreBench) -> None:
    retire(store, bench.issue(store, shop_token()))
    (retiring,) = store.tokens.all(MERCHANT)

    assert store.corrections.mark_lost(retiring, LOST)
    assert (PARTITION, "token#1001") not in bench.due()
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None


def test_another_that_is_current_meanwhile_is_still_served(store: DynamoStore, bench: StoreBench) -> None:
    """A record can say current while the subject names another."""
    first = bench.issue(store, shop_token())
    second = bench.issue(store, shop_token("1002"), OTHER_INTENT)

    assert store.corrections.mark_lost(first, LOST)
    assert store.leases.state(MERCHANT, SHOP).token == second
    assert record(bench)["state"] == "lost"


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_what_was_marked_since_it_was_read_is_not_lost(store: DynamoStore, bench: StoreBench, state: State) -> None:
    issued = bench.issue(store, shop_token(state=state))
    store.tokens.mark_revoking(issued, BY_ANN)
    hush(bench)

    assert not store.corrections.mark_lost(issued, LOST)
    assert (record(bench)["state"], told(bench)) == ("revoking", [])


def test_a_lost_token_is_brought_back_with_its_value(store: DynamoStore, bench: StoreBench) -> None:
    issued = bench.issue(store, shop_token())
    store.corrections.mark_lost(issued, LOST)
    (gone,) = store.tokens.all(MERCHANT)
    hush(bench)

    assert [store.corrections.restore(gone, "value-of-1001", BY_CLOCK) for _ in range(2)] == [True, False]

    back = store.tokens.get(MERCHANT, "1001")
    assert back is not None
    assert (back.state, back.access_token, back.expires_at) == (State.STANDING, "value-of-1001", None)
    item = record(bench)
    assert ("expiresAt" in item, "endedAt" in item) == (False, False)
    assert [line["to"] for line in item["history"]] == ["current", "lost", "standing"]
    assert store.leases.state(MERCHANT, SHOP).token is None
    assert told(bench) == [("TokenIssued", "1001", "reconciled")]


def test_a_revoked_token_is_to_be_revoked_again_for_the_same_reason(store: DynamoStore, bench: StoreBench) -> None:
    issued = bench.issue(store, shop_token(state=State.STANDING))
    for mark in (store.tokens.mark_revoking, store.tokens.mark_revoked):
        mark(issued, Change("ann", Reason.COMPROMISED))
    (gone,) = store.tokens.all(MERCHANT)
    bench.clock.advance(1000)

    assert [store.corrections.revoke_again(gone, BY_CLOCK), store.corrections.revoke_again(gone, BY_CLOCK)] == [
        True,
        False,
    ]

    pending = store.tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    assert (pending.since, pending.due_at, pending.tries) == (int(NOW) + 1000, int(NOW) + 1000, 0)
    assert pending.reason is Reason.COMPROMISED
    assert "expiresAt" not in record(bench), "what is still to be done has no end of its own"


@pytest.mark.parametrize("state", [State.STANDING, State.REVOKING])
def test_what_is_neither_lost_nor_revoked_is_left_as_it_is(store: DynamoStore, bench: StoreBench, state: State) -> None:
    issued = bench.issue(store, shop_token(state=State.STANDING))
    if state is State.REVOKING:
        store.tokens.mark_revoking(issued, BY_ANN)
    before = bench.items()

    assert not store.corrections.restore(issued, "value-of-1001", BY_CLOCK)
    assert not store.corrections.revoke_again(issued, BY_CLOCK)
    assert bench.items() == before
