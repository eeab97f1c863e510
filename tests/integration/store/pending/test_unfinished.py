"""Unfinished work in the table is read, rescheduled and acquired, unless another writer was faster."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import INTENT, MERCHANT, SHOP, StoreBench, shop_token
from token_broker.aws.store.leases import LEASE
from token_broker.domain.leases import OpenIntent
from token_broker.domain.pending import UnreadWork
from token_broker.domain.token import State
from token_broker.errors import MintInProgress, RequestOutcome

NOW_S = int(NOW)
CURRENT, STANDING = "subject#shop", f"intent#{INTENT}"


# Pending revocations


def test_a_token_that_is_to_be_revoked_is_known_with_its_time(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None
    store.tokens.mark_revoking(token, BY_ANN)

    pending = store.tokens.pending_revocation(MERCHANT, "1001")

    assert pending is not None
    assert (pending.token.token_id, pending.token.access_token) == ("1001", None)
    assert (pending.since, pending.due_at, pending.tries) == (NOW_S, NOW_S, 0)


def test_so_is_one_that_had_no_record(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(shop_token("7007"), BY_ANN)

    pending = store.tokens.pending_revocation(MERCHANT, "7007")

    assert pending is not None
    assert (pending.since, pending.due_at) == (NOW_S, NOW_S)


def test_it_is_rescheduled_and_its_tries_are_counted(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)
    for tries in (1, 2):
        pending = store.tokens.pending_revocation(MERCHANT, "1001")
        assert pending is not None
        store.schedule.reschedule(pending, NOW_S + 60 * tries, failure="provider_unavailable")

    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert (item["dueAt"], item["tries"], item["revokingAt"]) == (NOW_S + 120, 2, NOW_S)


def test_a_second_mark_makes_it_neither_younger_nor_due(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    store.tokens.mark_revoking(token, BY_ANN)
    pending = store.tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    store.schedule.reschedule(pending, NOW_S + 3600, failure="provider_unavailable")
    bench.clock.advance(100)
    store.tokens.mark_revoking(token, BY_ANN)

    again = store.tokens.pending_revocation(MERCHANT, "1001")

    assert again is not None
    assert (again.since, again.due_at, again.tries) == (NOW_S, NOW_S + 3600, 1)


def test_who_read_it_before_another_moved_it_changes_nothing(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    store.tokens.mark_revoking(token, BY_ANN)
    pending = store.tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    store.schedule.reschedule(pending, NOW_S + 60, failure="provider_unavailable")
    store.schedule.reschedule(pending, NOW_S + 999, failure="provider_unavailable")
    moved = store.tokens.pending_revocation(MERCHANT, "1001")
    assert moved is not None
    assert (moved.due_at, moved.tries) == (NOW_S + 60, 1)

    store.tokens.mark_revoked(token, BY_ANN)
    before = bench.items()
    store.schedule.reschedule(moved, NOW_S + 999, failure="provider_unavailable")

    assert bench.items() == before
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None
    assert bench.due() == []


# Open intents


def left_open(bench: StoreBench, *, standing: bool = False, **more: str) -> None:
    """Leave a mint open whose holder died."""
    store = bench.store()
    begin = bench.acquire_standing if standing else bench.begin
    begin(store, "dead", title="Kiosk", **more)
    bench.clock.advance(LEASE + 1)


def taken(bench: StoreBench, standing_id: str | None = None, owner: str = "worker") -> OpenIntent:
    intent = bench.store().leases.acquire_expired(MERCHANT, standing_id, owner)
    assert intent is not None
    return intent


@pytest.mark.parametrize("standing", [False, True])
def test_an_open_intent_is_taken_over_with_all_that_is_known_of_it(bench: StoreBench, *, standing: bool) -> None:
    left_open(bench, standing=standing)
    intent = taken(bench, INTENT if standing else None)

    mint = intent.lease
    assert (mint.intent_id, mint.owner, mint.fence, mint.title, mint.continued) == (INTENT, "worker", 2, "Kiosk", True)
    assert (mint.standing_id, mint.remembered) == (INTENT if standing else None, False)
    assert (intent.requested_by, intent.tries) == ("arn:aws:iam::123456789012:user/ann", 0)
    assert intent.asked_until == NOW_S + LEASE
    stored = bench.item("shopify#acme", STANDING if standing else CURRENT)
    assert stored is not None
    assert stored["leaseEnd"] == stored["dueAt"] == NOW_S + LEASE + 1 + LEASE


def test_one_with_a_key_is_remembered(bench: StoreBench) -> None:
    left_open(bench, standing=True, key_id="k" * 26, body_hash="hash")

    assert taken(bench, "k" * 26).lease.remembered


def test_a_token_is_published_by_whoever_took_over(bench: StoreBench) -> None:
    left_open(bench)
    bench.store().leases.commit(taken(bench).lease, shop_token())

    served = bench.store().leases.state(MERCHANT, SHOP).token
    item = bench.item("shopify#acme", CURRENT)
    assert served is not None
    assert served.token_id == "1001"
    assert item is not None
    assert item.keys() & {"owner", "leaseEnd", "intentId", "intentEnd", "intentBy", "due", "dueAt", "tries"} == set()
    assert bench.due() == []


@pytest.mark.parametrize("standing", [False, True])
def test_an_intent_that_led_to_nothing_is_ended(bench: StoreBench, *, standing: bool) -> None:
    left_open(bench, standing=standing)
    store = bench.store()
    store.leases.release(taken(bench, INTENT if standing else None).lease, RequestOutcome.NOT_APPLIED)

    assert bench.due() == []
    assert [item for item in bench.items() if "intentId" in item] == []


def test_it_is_left_open_for_later(bench: StoreBench) -> None:
    left_open(bench)
    bench.store().schedule.reschedule(taken(bench), NOW_S + 500, failure="provider_unavailable")

    item = bench.item("shopify#acme", CURRENT)
    assert item is not None
    assert item.keys() & {"owner", "leaseEnd"} == set()
    assert (item["dueAt"], item["tries"], item["intentId"]) == (NOW_S + 500, 1, INTENT)
    assert item["intentEnd"] == NOW_S + LEASE, "the last holder's, not the worker's"


def test_a_caller_continues_what_the_worker_left_open(bench: StoreBench) -> None:
    left_open(bench)
    bench.store().schedule.reschedule(taken(bench), NOW_S + 500, failure="provider_unavailable")

    mint = bench.begin(bench.store(), "caller", intent_id="z" * 26)

    assert (mint.intent_id, mint.continued) == (INTENT, True)
    bench.clock.advance(LEASE + 1)
    assert taken(bench).asked_until == NOW_S + LEASE + 1 + LEASE


def test_nothing_is_taken_over_that_is_not_open(bench: StoreBench) -> None:
    store = bench.store()
    bench.issue(store, shop_token())
    bench.clock.advance(1000)
    before = bench.items()

    assert store.leases.acquire_expired(MERCHANT, None, "worker") is None
    assert store.leases.acquire_expired(MERCHANT, INTENT, "worker") is None
    assert store.leases.acquire_expired("nobody", None, "worker") is None
    assert bench.items() == before


def test_nothing_is_taken_over_that_somebody_holds(bench: StoreBench) -> None:
    store = bench.store()
    bench.begin(store, "alive")
    bench.clock.advance(LEASE - 1)
    assert store.leases.acquire_expired(MERCHANT, None, "worker") is None
    bench.clock.advance(2)

    taken(bench, None, "one")

    assert store.leases.acquire_expired(MERCHANT, None, "two") is None


def test_nothing_is_taken_over_before_it_is_due(bench: StoreBench) -> None:
    left_open(bench)
    bench.store().schedule.reschedule(taken(bench), NOW_S + 500, failure="provider_unavailable")

    assert bench.store().leases.acquire_expired(MERCHANT, None, "worker") is None


def test_a_worker_whose_time_was_over_changes_nothing(bench: StoreBench) -> None:
    left_open(bench)
    late = taken(bench, None, "late")
    bench.clock.advance(LEASE + 1)
    taken(bench, None, "next")
    before = bench.items()

    bench.store().schedule.reschedule(late, 1, failure="provider_unavailable")
    bench.store().leases.release(late.lease, RequestOutcome.NOT_APPLIED)
    with pytest.raises(MintInProgress):
        bench.store().leases.commit(late.lease, shop_token())

    assert bench.items() == before


def test_a_take_over_whose_answer_was_lost_is_ones_own(bench: StoreBench) -> None:
    left_open(bench)
    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        intent = taken(bench)

    assert outage.struck == 1
    assert (intent.lease.owner, intent.lease.fence) == ("worker", 2)


def test_a_reschedule_whose_response_was_lost_counts_once(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)
    pending = store.tokens.pending_revocation(MERCHANT, "1001")
    assert pending is not None
    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        store.schedule.reschedule(pending, NOW_S + 60, failure="provider_unavailable")

    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert outage.struck == 1
    assert (item["dueAt"], item["tries"], item["state"]) == (NOW_S + 60, 1, State.REVOKING.value)


# What was written before it was worked off


def remove(bench: StoreBench, sk: str, attribute: str) -> None:
    key = {"pk": {"S": "shopify#acme"}, "sk": {"S": sk}}
    bench.dynamodb.update_item(TableName=bench.table_name, Key=key, UpdateExpression=f"REMOVE {attribute}")


def test_a_revocation_of_an_older_version_is_as_old_as_its_mark(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)
    remove(bench, "token#1001", "revokingAt")

    pending = store.tokens.pending_revocation(MERCHANT, "1001")

    assert pending is not None
    assert pending.since == NOW_S


def test_an_intent_of_an_older_version_is_taken_over_with_its_lease_s_end(bench: StoreBench) -> None:
    store = bench.store()
    bench.begin(store)
    remove(bench, CURRENT, "intentEnd")
    bench.clock.advance(LEASE + 1)

    taken = store.leases.acquire_expired(MERCHANT, None, "worker")

    assert taken is not None
    assert taken.asked_until == NOW_S + LEASE


def test_an_item_is_set_aside_whatever_is_in_it_and_only_while_it_is_due(bench: StoreBench) -> None:
    store = bench.store()
    store.tokens.mark_revoking(bench.issue(store, shop_token()), BY_ANN)
    store.schedule.reschedule(UnreadWork(MERCHANT, "token#1001"), NOW_S + 3600)
    store.schedule.reschedule(UnreadWork(MERCHANT, "token#7007"), NOW_S + 3600)

    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert (item["dueAt"], item["revokingAt"]) == (NOW_S + 3600, NOW_S)
    assert bench.item("shopify#acme", "token#7007") is None


def test_what_must_be_revoked_has_no_end_of_its_own(bench: StoreBench) -> None:
    store = bench.store()
    token = bench.issue(store, shop_token())
    key = {"pk": {"S": "shopify#acme"}, "sk": {"S": "token#1001"}}
    bench.dynamodb.update_item(
        TableName=bench.table_name,
        Key=key,
        UpdateExpression="SET expiresAt = :end",
        ExpressionAttributeValues={":end": {"N": str(NOW_S + 3600)}},
    )

    store.tokens.mark_revoking(token, BY_ANN)

    item = bench.item("shopify#acme", "token#1001")
    assert item is not None
    assert "expiresAt" not in item
