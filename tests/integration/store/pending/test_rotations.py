"""A rotation request is kept until its end, and the replaced token as the rotation has it."""

from copy import replace
from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.outages import answer_lost, refusing
from tests.integration.support.store_harness import (
    DAY,
    MERCHANT,
    NOW_S,
    StoreBench,
    Stores,
    shop_token,
    there,
)
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.records import due_shard
from token_broker.domain.pending import UnreadWork
from token_broker.domain.rotation import Rotation, Succession
from token_broker.domain.token import Reason, State, Token
from token_broker.errors import MintInProgress, StorageUnavailable
from token_broker.ports.store import Store

ITEM = "rotation#shop"
OVERLAP_ENDS = NOW_S + 700


def rotation(rotation_id: str = "r-1", **changes: Any) -> Rotation:
    wanted = Rotation(MERCHANT, rotation_id, "1001", compromised=False, requested_by="ann", requested_at=1, due_at=40)
    return wanted._replace(due_at=NOW_S + 40, **changes)


def request(stores: Stores, wanted: Rotation | None = None) -> Rotation:
    """Request a rotation on the present state."""
    wanted, rotations = wanted or rotation(), stores.store().rotations
    assert rotations.request(wanted, stores.state(), rotations.get(MERCHANT))
    return wanted


# The request


def test_it_is_read_as_it_was_written_and_is_due_while_it_is_open(stores: Stores, store: Store) -> None:
    assert store.rotations.get(MERCHANT) is None

    wanted = request(stores)

    assert store.rotations.get(MERCHANT) == wanted
    assert stores.pending() == {ITEM: NOW_S + 40}


def test_it_takes_the_place_only_of_the_one_that_was_seen(stores: Stores, store: Store) -> None:
    seen, first, second = stores.state(), rotation(), rotation("r-2", compromised=True)
    assert store.rotations.request(first, seen, None)
    assert not store.rotations.request(rotation("r-3"), seen, None)
    assert store.rotations.request(second, seen, first)

    assert not store.rotations.request(rotation("r-3"), seen, first)

    assert store.rotations.get(MERCHANT) == second


@pytest.mark.parametrize("had_one", [False, True])
def test_what_is_published_meanwhile_is_not_what_was_to_be_replaced(
    stores: Stores, store: Store, *, had_one: bool
) -> None:
    if had_one:
        stores.issue(shop_token())
    seen = stores.state()
    stores.issue(shop_token("1002"), "c" * 26)

    assert not store.rotations.request(rotation(), seen, None)

    assert store.rotations.get(MERCHANT) is None
    request(stores)


# Rescheduled and ended


def test_its_first_failure_is_told_and_each_one_counted(stores: Stores, store: Store) -> None:
    first = request(stores)
    for number in range(1, 4):
        stores.clock.advance(1)
        seen = there(store.rotations.get(MERCHANT))
        store.schedule.reschedule(seen, NOW_S + 100 * number, failure="provider_unavailable")
    store.schedule.reschedule(first, NOW_S + 900, failure="provider_throttled")

    moved = replace(first, tries=3, due_at=NOW_S + 300, failure="provider_unavailable")
    assert store.rotations.get(MERCHANT) == moved
    members = ("occurredAt", "provider", "merchant", "rotationId", "code", "retrying")
    told = ("RotationFailed", NOW_S + 1, "shopify", MERCHANT, "r-1", "provider_unavailable", True)
    assert stores.told(*members) == [told]


@pytest.mark.parametrize("failure", [None, "token_limit_reached"])
@pytest.mark.parametrize("failed_before", [False, True])
def test_its_end_stays_to_be_joined_and_is_due_no_more(
    stores: Stores, store: Store, failure: str | None, *, failed_before: bool
) -> None:
    request(stores)
    if failed_before:
        store.schedule.reschedule(rotation(), NOW_S + 100, failure="provider_throttled")
    seen, before = there(store.rotations.get(MERCHANT)), len(stores.told())
    stores.clock.advance(1)

    for _ in range(2):
        store.rotations.end(seen, failure)
    store.schedule.reschedule(seen, NOW_S + 900, failure="provider_unavailable")
    store.schedule.reschedule(UnreadWork(MERCHANT, ITEM), NOW_S + 900)

    assert store.rotations.get(MERCHANT) == replace(seen, open=False, due_at=0, failure=failure)
    assert stores.pending() == {}
    told = [("RotationFailed", NOW_S + 1, "r-1", "token_limit_reached", False)]
    assert stores.told("occurredAt", "rotationId", "code", "retrying")[before:] == (told if failure else [])


@pytest.mark.parametrize("tries", [0, 1])
def test_whoever_was_replaced_changes_nothing_any_more(stores: Stores, store: Store, tries: int) -> None:
    first = replace(request(stores), tries=tries)
    request(stores, rotation("r-2", compromised=True))
    before = stores.contents()

    store.schedule.reschedule(first, NOW_S + 900, failure="provider_unavailable")
    store.rotations.end(first, "provider_error")
    store.rotations.end(first)

    assert stores.contents() == before


def test_the_worker_can_defer_it_without_a_failure(stores: Stores, store: Store) -> None:
    wanted = request(stores)

    store.schedule.reschedule(UnreadWork(MERCHANT, ITEM), NOW_S + 500)

    assert store.rotations.get(MERCHANT) == replace(wanted, due_at=NOW_S + 500)


# The replaced token


def succeed(stores: Stores, state: State, until: int | None = OVERLAP_ENDS) -> Token:
    """Publish a new token that Bob asked for in the place of one that Ann had, and return the latter's record."""
    previous = stores.issue(shop_token(requested_by="ann"))
    stores.clock.advance(100)
    replaced = Succession(previous=previous, state=state, until=until, rotation_id="r-1")
    lease, new = stores.begin("owner-2"), shop_token("2002", requested_by="bob")
    stores.store().leases.commit(lease, new, replaced=replaced, reason=Reason.ROTATED)
    return stores.token()


@pytest.mark.parametrize(
    ("state", "reason", "overlap_ends_at"),
    [(State.LOST, "lost", None), (State.RETIRING, "rotated", OVERLAP_ENDS), (State.REVOKING, "compromised", None)],
)
def test_record_and_event_say_what_became_of_it_and_who_asked_for_the_other(
    stores: Stores, state: State, reason: str, overlap_ends_at: int | None
) -> None:
    record = succeed(stores, state)

    assert stores.served() == "2002"
    assert record.access_token == ("value-of-1001" if state is State.RETIRING else None)
    assert stores.history() == [("ann", None, "current", "minted"), ("bob", "current", state.value, reason)]
    assert record.history[-1].at == NOW_S + 100
    assert stores.history("2002") == [("bob", None, "current", "rotated")]
    (event,) = [event for event in stores.events() if event.type == "TokenRotated"]
    assert (event.detail["rotationId"], event.detail["tokenId"]) == ("r-1", "2002")
    assert (event.detail["previousTokenId"], event.detail["overlapEndsAt"]) == ("1001", overlap_ends_at)
    assert event.detail["compromised"] is (state is State.REVOKING)
    assert stores.told("why")[0] == ("TokenIssued", "minted")
    assert [event.type for event in stores.events()].count("TokenIssued") == 2


@pytest.mark.parametrize(("until", "due_at"), [(None, NOW_S + 100), (OVERLAP_ENDS, OVERLAP_ENDS)])
@pytest.mark.parametrize("state", [State.RETIRING, State.REVOKING])
def test_a_replaced_token_is_due_at_the_end_of_its_overlap(
    stores: Stores, state: State, until: int | None, due_at: int
) -> None:
    """One that retires is late from then on, and one that is compromised since it was marked."""
    succeed(stores, state, until)

    pending = stores.revocation()
    assert (pending.due_at, stores.pending()) == (due_at, {"token#1001": due_at})
    retiring = state is State.RETIRING
    assert (pending.token.state, pending.since) == (state, due_at if retiring else NOW_S + 100)
    assert pending.reason is (Reason.ROTATED if retiring else Reason.COMPROMISED)


def test_the_whole_way_has_its_lines(stores: Stores, store: Store) -> None:
    token = succeed(stores, State.RETIRING)

    for mark in (store.tokens.mark_revoking, store.tokens.mark_revoked):
        mark(token, replace(BY_ANN, reason=Reason.ROTATED))

    assert stores.history()[2:] == [
        ("ann", "retiring", "revoking", "rotated"),
        ("ann", "revoking", "revoked", "rotated"),
    ]


@pytest.mark.parametrize("state", [State.LOST, State.RETIRING, State.REVOKING])
def test_one_that_was_revoked_by_name_meanwhile_is_not_replaced(stores: Stores, store: Store, state: State) -> None:
    """Its own cause and time stay, and its successor is not published over the mark."""
    previous = stores.issue(shop_token(requested_by="ann"))
    mint = stores.begin("owner-2")
    store.tokens.mark_revoking(previous, BY_ANN)
    before = stores.contents()

    with pytest.raises(MintInProgress):
        store.leases.commit(mint, shop_token("1002"), replaced=Succession(previous=previous, state=state, until=NOW_S))

    assert stores.contents() == before


def test_a_paused_rotation_that_wakes_up_late_changes_nothing(stores: Stores, store: Store) -> None:
    previous = stores.issue(shop_token())
    late, late_succession = stores.begin("owner-2"), Succession(previous=previous, state=State.RETIRING, until=NOW_S)
    stores.clock.advance(LEASE + 1)
    store.leases.commit(stores.begin("owner-3"), shop_token("2002"), replaced=late_succession)
    before = stores.contents()

    with pytest.raises(MintInProgress):
        store.leases.commit(late, shop_token("3003"), replaced=late_succession, reason=Reason.ROTATED)

    assert stores.contents() == before


# In the table


def test_it_is_due_in_the_part_of_the_index_that_its_merchant_belongs_to(bench: StoreBench) -> None:
    assert due_shard("shopify#another") != due_shard(ITEM)
    bench.store().rotations.request(rotation(merchant="another"), bench.state(), None)

    assert bench.item(ITEM, "shopify#another")["due"] == due_shard("shopify#another")


def test_a_request_whose_answer_was_lost_stands(bench: StoreBench) -> None:
    """Keep the rotation request although moto rejects the SDK's second attempt."""
    with answer_lost(bench.dynamodb, "TransactWriteItems"):
        bench.store().rotations.request(rotation(), bench.state(), None)

    assert bench.store().rotations.get(MERCHANT) == rotation()


def test_a_storage_that_refuses_leaves_nothing(bench: StoreBench) -> None:
    with refusing(bench.dynamodb, "TransactWriteItems"), pytest.raises(StorageUnavailable):
        request(bench)

    assert bench.contents() == []


def test_one_that_was_marked_twice_is_late_since_the_first_mark(bench: StoreBench) -> None:
    succeed(bench, State.REVOKING)
    bench.change("token#1001", "SET endedAt = :later", later=NOW_S + 300)

    pending = bench.revocation()

    assert (pending.since, pending.reason) == (NOW_S + 100, Reason.COMPROMISED)


@pytest.mark.parametrize("state", [State.LOST, State.RETIRING, State.REVOKING])
def test_the_replaced_token_s_item_has_the_time_of_its_change(bench: StoreBench, state: State) -> None:
    succeed(bench, state)

    item = bench.item("token#1001")
    assert item["retiringAt" if state is State.RETIRING else "endedAt"] == NOW_S + 100
    assert item.get("expiresAt") == (NOW_S + 100 + 90 * DAY if state is State.LOST else None)
    assert item.get("due") == (None if state is State.LOST else due_shard("shopify#acme"))
