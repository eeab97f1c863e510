"""The pair's record: one holder of the lease at a time, and a holder whose lease was lost changes nothing."""

from collections.abc import Callable

import pytest

from tests.integration.support.store_harness import DAY, MERCHANT, NOW_S, Stores, there
from token_broker.aws.store.leases import LEASE
from token_broker.domain.credential_pair import MerchantState, PairLease, PairRecord, StateReason
from token_broker.domain.events import Event, merchant_state_changed
from token_broker.domain.pending import UnreadWork
from token_broker.ports.store import Store

ITEM = "pair#shop"
RENEWED = NOW_S + 30 * DAY
NAMED = PairRecord(MERCHANT, version_id="v-1", origin="origin-1", fence=2, due_at=RENEWED, named_at=NOW_S)

type End = Callable[[Stores, PairLease], bool]


def record(stores: Stores) -> PairRecord:
    return stores.store().pairs.get(MERCHANT)


def acquired(stores: Stores, owner: str = "owner-1", *, migrate: str = "") -> PairLease:
    return there(stores.store().pairs.acquire(record(stores), owner, migrate=migrate))


def commit(stores: Stores, lease: PairLease, version: str | None = "v-1", event: Event | None = None) -> bool:
    return stores.store().pairs.commit(lease, version, "origin-1", RENEWED, event)


def refuse(stores: Stores, lease: PairLease, event: Event | None = None) -> bool:
    return stores.store().pairs.refuse(lease, "print-of-secret", NOW_S + DAY, event)


def changed(reason: StateReason, after: MerchantState, at: int = NOW_S) -> Event:
    return merchant_state_changed("shopify", MERCHANT, before=MerchantState.ACTIVE, after=after, reason=reason, at=at)


REFUSAL = StateReason.REFRESH_TOKEN_REFUSED, MerchantState.REAUTHORIZATION_REQUIRED
RECOVERY = StateReason.SECRET_CHANGED, MerchantState.ACTIVE


@pytest.fixture
def named(stores: Stores) -> PairRecord:
    """Name a first version, and return the record."""
    assert commit(stores, acquired(stores, "first"))
    return record(stores)


def test_a_merchant_without_a_pair_has_an_empty_record(stores: Stores) -> None:
    assert record(stores) == PairRecord(MERCHANT)


def test_a_held_lease_is_shown_and_refuses_others_until_its_end(stores: Stores, store: Store) -> None:
    lease = acquired(stores)

    stores.clock.advance(LEASE - 1)
    held = record(stores)
    assert (lease.fence, held.fence, held.lease_ends_at, held.due_at) == (1, 1, NOW_S + LEASE, None)
    assert store.pairs.acquire(held, "owner-2") is None

    stores.clock.advance(1)
    assert acquired(stores, "owner-2").fence == 2


@pytest.mark.parametrize("end", [commit, refuse])
def test_a_record_that_was_read_before_a_renewal_gives_no_lease(stores: Stores, store: Store, end: End) -> None:
    before, lease = record(stores), acquired(stores)
    during = record(stores)
    assert end(stores, lease)

    for seen in (before, during):
        assert store.pairs.acquire(seen, "owner-2") is None


def test_a_commit_names_the_version_and_ends_the_lease(stores: Stores, named: PairRecord) -> None:
    assert named == NAMED
    assert stores.pending() == {ITEM: RENEWED}


def test_a_commit_without_a_version_removes_the_earlier_one(stores: Stores, named: PairRecord) -> None:
    assert commit(stores, acquired(stores), None)

    assert record(stores) == named._replace(version_id=None, fence=4)


def test_a_commit_ends_the_migration_the_refusal_and_the_failed_tries(stores: Stores, store: Store) -> None:
    assert refuse(stores, acquired(stores, "first"))
    lease = acquired(stores, migrate="origin-1")
    store.schedule.reschedule(record(stores), NOW_S + 60, failure="provider_unavailable")

    assert commit(stores, lease)

    assert record(stores) == NAMED._replace(fence=4)


def test_a_migration_is_marked_and_due_when_its_lease_ends(stores: Stores) -> None:
    acquired(stores, migrate="origin-1")
    assert record(stores).migrating == "origin-1"
    assert stores.pending() == {ITEM: NOW_S + LEASE}

    # Another holder need not know of the migration.
    stores.clock.advance(LEASE)
    acquired(stores, "owner-2")
    assert record(stores).migrating == "origin-1"


def test_an_abandoned_migration_leaves_nothing_to_do(stores: Stores, store: Store) -> None:
    store.pairs.abandon(acquired(stores, migrate="origin-1"))

    assert record(stores) == PairRecord(MERCHANT, fence=2)
    assert stores.pending() == {}


@pytest.mark.parametrize("with_event", [False, True])
def test_a_refusal_is_stored_with_its_secret_and_keeps_the_pair(
    stores: Stores, named: PairRecord, *, with_event: bool
) -> None:
    assert refuse(stores, acquired(stores), changed(*REFUSAL) if with_event else None)

    required = MerchantState.REAUTHORIZATION_REQUIRED
    refused = named._replace(fence=4, state=required, refused_secret="print-of-secret", due_at=NOW_S + DAY)
    told = [("MerchantStateChanged", "refresh_token_refused")] if with_event else []
    assert record(stores) == refused._replace(told={reason: NOW_S for _, reason in told})
    assert stores.told("reason") == told


def test_each_reason_has_the_time_of_its_last_event(stores: Stores) -> None:
    assert refuse(stores, acquired(stores, "first"), changed(*REFUSAL))

    assert commit(stores, acquired(stores), event=changed(*RECOVERY, at=NOW_S + 9))

    times = {"refresh_token_refused": NOW_S, "secret_changed": NOW_S + 9}
    assert record(stores).told == times
    assert stores.told("reason", "occurredAt") == [("MerchantStateChanged", *each) for each in times.items()]


def test_a_failed_renewal_lets_the_lease_end_at_the_given_time(stores: Stores, store: Store) -> None:
    store.pairs.release(acquired(stores), NOW_S + 2)

    assert store.pairs.acquire(record(stores), "owner-2") is None
    stores.clock.advance(2)
    assert acquired(stores, "owner-2").fence == 2


@pytest.mark.parametrize("ended", [False, True])
def test_a_lost_lease_changes_nothing(stores: Stores, store: Store, *, ended: bool) -> None:
    late = acquired(stores, migrate="origin-1")
    stores.clock.advance(LEASE)
    next_lease = acquired(stores, "owner-2")
    if ended:
        assert commit(stores, next_lease, "v-2")
    before = stores.contents()

    # The name alone is not enough, and neither is the fence.
    for lost in (late, late._replace(owner="owner-3"), late._replace(owner="owner-2")):
        assert not commit(stores, lost)
        assert not commit(stores, lost, event=changed(*RECOVERY))
        assert not refuse(stores, lost)
        assert not refuse(stores, lost, changed(*REFUSAL))
        store.pairs.release(lost, 1)
        store.pairs.abandon(lost)

    assert stores.contents() == before


def test_a_renewal_by_the_worker_is_cancelled_unless_it_was_moved(
    stores: Stores, store: Store, named: PairRecord
) -> None:
    assert commit(stores, acquired(stores), "v-2")
    store.schedule.reschedule(record(stores), NOW_S + 5)

    store.pairs.cancel(named)
    assert stores.pending() == {ITEM: NOW_S + 5}

    store.pairs.cancel(record(stores))
    assert stores.pending() == {}
    assert record(stores).version_id == "v-2"


def test_a_renewal_by_the_worker_is_rescheduled_unless_it_was_moved(
    stores: Stores, store: Store, named: PairRecord
) -> None:
    for due_at in (NOW_S + 60, NOW_S + 120):
        store.schedule.reschedule(named, due_at, failure="provider_unavailable")
    assert record(stores) == named._replace(due_at=NOW_S + 60, tries=1)

    store.schedule.reschedule(UnreadWork(MERCHANT, ITEM), NOW_S + 3600)
    assert record(stores) == named._replace(due_at=NOW_S + 3600, tries=1)

    store.schedule.reschedule(record(stores), None)
    assert record(stores) == named._replace(due_at=None)
