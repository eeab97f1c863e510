"""A reconciliation writes each change and its event only if the state is still the one that it read."""

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import (
    DAY,
    MERCHANT,
    NOW_S,
    OTHER_INTENT,
    StoreBench,
    Stores,
    shop_token,
    there,
)
from token_broker.domain.events import Event, token_limit_near
from token_broker.domain.pending import Reconciliation, UnreadWork
from token_broker.domain.rotation import Succession
from token_broker.domain.token import Change, Reason, State, Token
from token_broker.ports.store import Store

BY_CLOCK, LOST = Change("clock", Reason.RECONCILED), Change("clock", Reason.LOST)
ITEM = "reconciliation#shop"
PLANNED = Reconciliation(MERCHANT, due_at=5000)


def near(used: int = 95) -> Event:
    return token_limit_near("shopify", MERCHANT, used=used, limit=100, at=NOW_S)


# The time of the next reconciliation


def test_a_merchant_is_watched_once_and_its_time_stays(stores: Stores) -> None:
    assert stores.store().reconciliations.get(MERCHANT) is None

    for due_at in (5000, 6000):
        stores.store().reconciliations.schedule(MERCHANT, due_at)

    assert stores.store().reconciliations.get(MERCHANT) == PLANNED
    assert stores.pending() == {ITEM: 5000}


def test_its_end_is_the_next_ones_begin(stores: Stores, store: Store) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    store.schedule.reschedule(PLANNED, 5060, failure="provider_unavailable")
    seen = there(store.reconciliations.get(MERCHANT))
    assert seen == Reconciliation(MERCHANT, due_at=5060, tries=1)

    store.reconciliations.complete(seen, 9000, None)

    assert store.reconciliations.get(MERCHANT) == Reconciliation(MERCHANT, due_at=9000)
    store.schedule.reschedule(UnreadWork(MERCHANT, ITEM), 9500)
    assert stores.pending() == {ITEM: 9500}


def test_one_that_nobody_had_planned_is_planned_from_then_on(stores: Stores, store: Store) -> None:
    store.reconciliations.complete(Reconciliation(MERCHANT), 9000, None)

    assert stores.pending() == {ITEM: 9000}


def test_a_limit_event_is_not_repeated_until_there_is_room(stores: Stores, store: Store) -> None:
    store.reconciliations.complete(Reconciliation(MERCHANT), 9000, 4000, near())
    assert stores.told("used", "limit", "headroom") == [("TokenLimitNear", 95, 100, 5)]

    for due_at, near_at in [(9001, 4000), (9002, None)]:
        seen = there(store.reconciliations.get(MERCHANT))
        assert seen == Reconciliation(MERCHANT, due_at=due_at - 1, near_at=4000)
        store.reconciliations.complete(seen, due_at, near_at)
    assert store.reconciliations.get(MERCHANT) == Reconciliation(MERCHANT, due_at=9002)


def test_who_saw_it_before_another_ended_it_changes_and_tells_nothing(stores: Stores, store: Store) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    store.reconciliations.complete(PLANNED, 9000, 4000, near())
    before = stores.contents()

    store.reconciliations.complete(PLANNED, 9999, 4999, near())
    store.reconciliations.complete(PLANNED, 9999, None)
    store.schedule.reschedule(PLANNED, 9999, failure="provider_unavailable")
    store.reconciliations.cancel(PLANNED)
    store.reconciliations.complete(Reconciliation(MERCHANT), 9999, None)

    assert stores.contents() == before


def test_the_end_of_the_watch_is_due_no_more_until_the_next_token(stores: Stores, store: Store) -> None:
    store.reconciliations.schedule(MERCHANT, 5000)
    store.reconciliations.cancel(PLANNED)
    store.schedule.reschedule(UnreadWork(MERCHANT, ITEM), 9999)
    assert stores.pending() == {}

    store.reconciliations.schedule(MERCHANT, 7000)
    assert store.reconciliations.get(MERCHANT) == Reconciliation(MERCHANT, due_at=7000)


def test_a_process_writes_it_once(bench: StoreBench) -> None:
    reconciliations = bench.store().reconciliations
    reconciliations.schedule(MERCHANT, 5000)
    bench.delete(ITEM)

    reconciliations.schedule(MERCHANT, 5000)
    reconciliations.schedule("other", 5000)

    assert bench.item(ITEM) == {}
    assert reconciliations.get("other") is not None


def test_the_item_notes_when_the_merchant_was_reconciled(bench: StoreBench) -> None:
    bench.store().reconciliations.complete(Reconciliation(MERCHANT), 9000, None)

    assert bench.item(ITEM)["reconciledAt"] == NOW_S


# Tokens


def test_a_token_is_adopted_once(stores: Stores, store: Store) -> None:
    found = shop_token(state=State.STANDING)

    assert [store.corrections.adopt(found, BY_CLOCK) for _ in range(2)] == [True, False]

    assert stores.token() == found
    assert stores.history() == [("clock", None, "standing", "reconciled")]
    assert stores.told("tokenId", "why") == [("TokenIssued", "1001", "reconciled")]


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING])
def test_a_lost_token_is_served_no_more(stores: Stores, store: Store, state: State) -> None:
    issued = stores.issue(shop_token(state=state))
    stores.clock.advance(1)

    assert [store.corrections.mark_lost(issued, LOST) for _ in range(2)] == [True, False]

    assert stores.served() is None
    assert (stores.token().state, stores.token().access_token) == (State.LOST, None)
    assert stores.history()[-1] == ("clock", state.value, "lost", "lost")
    assert stores.told("tokenId", "why")[1:] == [("TokenRevoked", "1001", "lost")]


def test_a_lost_token_that_was_retiring_is_due_no_more(stores: Stores, store: Store) -> None:
    retiring = Succession(previous=stores.issue(shop_token()), state=State.RETIRING, until=NOW_S + DAY)
    store.leases.commit(stores.begin("owner-2"), shop_token("1002"), replaced=retiring)

    assert store.corrections.mark_lost(stores.token(), LOST)

    assert stores.pending() == {}
    assert store.tokens.pending_revocation(MERCHANT, "1001") is None


def test_another_that_is_current_meanwhile_is_still_served(stores: Stores, store: Store) -> None:
    """A record can say current while the subject names another."""
    first = stores.issue(shop_token())
    stores.issue(shop_token("1002"), OTHER_INTENT)

    assert store.corrections.mark_lost(first, LOST)

    assert (stores.served(), stores.token().state) == ("1002", State.LOST)


def test_a_lost_token_is_brought_back_with_its_value(stores: Stores, store: Store) -> None:
    store.corrections.mark_lost(stores.issue(shop_token()), LOST)
    gone = stores.token()
    stores.clock.advance(1)

    assert [store.corrections.restore(gone, "value-of-1001", BY_CLOCK) for _ in range(2)] == [True, False]

    back = stores.token()
    assert (back.state, back.access_token, back.expires_at) == (State.STANDING, "value-of-1001", None)
    assert [line[2] for line in stores.history()] == ["current", "lost", "standing"]
    assert stores.served() is None
    assert stores.told("state", "why")[-1] == ("TokenIssued", "standing", "reconciled")


def test_a_revoked_token_is_to_be_revoked_again_for_the_same_reason(stores: Stores, store: Store) -> None:
    issued = stores.issue(shop_token(state=State.STANDING))
    for mark in (store.tokens.mark_revoking, store.tokens.mark_revoked):
        mark(issued, Change("ann", Reason.COMPROMISED))
    gone = stores.token()
    stores.clock.advance(1000)

    assert [store.corrections.revoke_again(gone, BY_CLOCK) for _ in range(2)] == [True, False]

    pending = stores.revocation()
    assert (pending.since, pending.due_at, pending.tries) == (NOW_S + 1000, NOW_S + 1000, 0)
    assert pending.reason is Reason.COMPROMISED


@pytest.mark.parametrize("issued", [shop_token(), shop_token(state=State.STANDING)], ids=["current", "standing"])
@pytest.mark.parametrize("state", [None, State.REVOKING, State.REVOKED])
def test_a_record_in_another_state_than_was_read_is_left_as_it_is(
    stores: Stores, store: Store, issued: Token, state: State | None
) -> None:
    """So is one that is neither lost nor revoked."""
    stores.issue(issued)
    if state is not None:
        store.tokens.mark_revoking(issued, BY_ANN)
    if state is State.REVOKED:
        store.tokens.mark_revoked(issued, BY_ANN)
    before = stores.contents()

    assert not store.corrections.adopt(issued, BY_CLOCK)
    assert not store.corrections.restore(issued, "value-of-1001", BY_CLOCK)
    if state is not None:
        assert not store.corrections.mark_lost(issued, LOST)
    if state is not State.REVOKED:
        assert not store.corrections.revoke_again(issued, BY_CLOCK)
    assert stores.contents() == before


def test_a_correction_ends_and_begins_the_retention_of_its_record(bench: StoreBench) -> None:
    """What is still to be done has no end of its own."""
    lost, revoked = bench.issue(shop_token()), bench.issue(shop_token("1002", state=State.STANDING))
    corrections, tokens = bench.store().corrections, bench.store().tokens
    tokens.mark_revoking(revoked, BY_ANN)
    tokens.mark_revoked(revoked, BY_ANN)
    corrections.mark_lost(lost, LOST)
    assert [bench.item(f"token#{each}")["expiresAt"] for each in ("1001", "1002")] == [NOW_S + 90 * DAY] * 2

    corrections.restore(bench.token(), "value-of-1001", BY_CLOCK)
    corrections.revoke_again(bench.token("1002"), BY_CLOCK)

    assert not bench.item("token#1001").keys() & {"expiresAt", "endedAt"}
    assert not bench.item("token#1002").keys() & {"expiresAt", "accessToken", "tries"}
