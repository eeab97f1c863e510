"""The pair item: one holder of the lease at a time, and a holder whose lease was lost changes nothing."""

from typing import Any

import pytest

from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import DAY, MERCHANT, NOW, StoreBench
from token_broker.aws.store.leases import LEASE
from token_broker.domain.credential_pair import MerchantState, PairLease, PairRecord, StateReason
from token_broker.domain.events import Event, merchant_state_changed
from token_broker.domain.pending import UnreadWork, WorkKind, WorkRef

NOW_S = int(NOW)
KEY = ("shopify#acme", "pair#shop")
REFUSED: dict[str, Any] = {
    "state": MerchantState.REAUTHORIZATION_REQUIRED,
    "refused_secret": "print-of-secret",
    "due_at": NOW_S + DAY,
    "told": {"refresh_token_refused": NOW_S},
}


def record(bench: StoreBench) -> PairRecord:
    return bench.store().pairs.get(MERCHANT)


def acquired(bench: StoreBench, owner: str = "owner-1", *, migrate: str = "") -> PairLease:
    lease = bench.store().pairs.acquire(record(bench), owner, migrate=migrate)
    assert lease is not None
    return lease


def commit(bench: StoreBench, lease: PairLease, version: str | None = "v-1", event: Event | None = None) -> bool:
    return bench.store().pairs.commit(lease, version, "origin-1", NOW_S + 30 * DAY, event)


def refuse(bench: StoreBench, lease: PairLease, event: Event | None = None) -> bool:
    return bench.store().pairs.refuse(lease, "print-of-secret", NOW_S + DAY, event)


def refusal() -> Event:
    """Return the event of a merchant that must authorize the app again."""
    active, required = MerchantState.ACTIVE, MerchantState.REAUTHORIZATION_REQUIRED
    reason = StateReason.REFRESH_TOKEN_REFUSED
    return merchant_state_changed("shopify", MERCHANT, before=active, after=required, reason=reason, at=NOW_S)


def recovery() -> Event:
    active, required = MerchantState.ACTIVE, MerchantState.REAUTHORIZATION_REQUIRED
    reason = StateReason.SECRET_CHANGED
    return merchant_state_changed("shopify", MERCHANT, before=required, after=active, reason=reason, at=NOW_S + 9)


def named(bench: StoreBench) -> PairRecord:
    """Name a first version, and return the record."""
    assert commit(bench, acquired(bench, "first"))
    return record(bench)


def test_a_merchant_without_a_pair_has_an_empty_record(bench: StoreBench) -> None:
    assert record(bench) == PairRecord(MERCHANT)


def test_a_held_lease_is_shown_and_refuses_others_until_its_end(bench: StoreBench) -> None:
    lease = acquired(bench)

    bench.clock.advance(LEASE - 1)
    held = record(bench)
    assert (lease.fence, held.fence, held.lease_ends_at, held.due_at) == (1, 1, NOW_S + LEASE, None)
    assert bench.store().pairs.acquire(held, "owner-2") is None

    bench.clock.advance(1)
    assert acquired(bench, "owner-2").fence == 2


@pytest.mark.parametrize("end", [commit, refuse])
def test_a_record_that_was_read_before_a_renewal_gives_no_lease(bench: StoreBench, end: Any) -> None:
    before = record(bench)
    lease = acquired(bench)
    during = record(bench)
    assert end(bench, lease)

    assert bench.store().pairs.acquire(before, "owner-2") is None
    assert bench.store().pairs.acquire(during, "owner-2") is None


def test_a_commit_names_the_version_and_ends_the_lease(bench: StoreBench) -> None:
    assert named(bench) == PairRecord(
        MERCHANT, version_id="v-1", origin="origin-1", fence=2, due_at=NOW_S + 30 * DAY, named_at=NOW_S
    )
    assert bench.due() == [KEY]


def test_a_commit_without_a_version_removes_the_earlier_one(bench: StoreBench) -> None:
    named(bench)

    assert commit(bench, acquired(bench), None)

    assert record(bench).version_id is None
    assert record(bench).origin == "origin-1"


def test_a_commit_ends_the_migration_the_refusal_and_the_failed_tries(bench: StoreBench) -> None:
    assert refuse(bench, acquired(bench, "first"))
    lease = acquired(bench, migrate="origin-1")
    bench.store().schedule.reschedule(record(bench), NOW_S + 60, failure="provider_unavailable")

    assert commit(bench, lease)

    assert record(bench) == PairRecord(
        MERCHANT, version_id="v-1", origin="origin-1", fence=4, due_at=NOW_S + 30 * DAY, named_at=NOW_S
    )


def test_a_migration_is_marked_and_due_when_its_lease_ends(bench: StoreBench) -> None:
    acquired(bench, migrate="origin-1")

    seen = record(bench)
    assert (seen.migrating, seen.due_at) == ("origin-1", NOW_S + LEASE)
    assert bench.due() == [KEY]

    # Another holder need not know of the migration.
    bench.clock.advance(LEASE)
    acquired(bench, "owner-2")
    assert record(bench).migrating == "origin-1"


def test_an_abandoned_migration_leaves_nothing_to_do(bench: StoreBench) -> None:
    bench.store().pairs.abandon(acquired(bench, migrate="origin-1"))

    assert record(bench) == PairRecord(MERCHANT, fence=2)
    assert bench.due() == []


@pytest.mark.parametrize("with_event", [False, True])
def test_a_refusal_is_stored_with_its_secret_and_keeps_the_pair(bench: StoreBench, *, with_event: bool) -> None:
    before = named(bench)

    assert refuse(bench, acquired(bench), refusal() if with_event else None)

    expected = before._replace(fence=4, **REFUSED)
    assert record(bench) == (expected if with_event else expected._replace(told={}))
    assert [event["type"] for event in bench.told()] == ["MerchantStateChanged"] * with_event


def test_each_reason_has_the_time_of_its_last_event(bench: StoreBench) -> None:
    assert refuse(bench, acquired(bench, "first"), refusal())

    assert commit(bench, acquired(bench), event=recovery())

    assert record(bench).told == {"refresh_token_refused": NOW_S, "secret_changed": NOW_S + 9}
    assert [event["reason"] for event in bench.told()] == ["refresh_token_refused", "secret_changed"]


def test_a_failed_renewal_lets_the_lease_end_at_the_given_time(bench: StoreBench) -> None:
    bench.store().pairs.release(acquired(bench), NOW_S + 2)

    assert bench.store().pairs.acquire(record(bench), "owner-2") is None
    bench.clock.advance(2)
    assert acquired(bench, "owner-2").fence == 2


@pytest.mark.parametrize("taken_over", ["while it is held", "and it has ended"])
def test_a_lost_lease_changes_nothing(bench: StoreBench, taken_over: str) -> None:
    late = acquired(bench, migrate="origin-1")
    bench.clock.advance(LEASE)
    next_lease = acquired(bench, "owner-2")
    if taken_over == "and it has ended":
        assert commit(bench, next_lease, "v-2")
    before = bench.items()

    assert not commit(bench, late)
    assert not commit(bench, late, event=recovery())
    assert not refuse(bench, late)
    assert not refuse(bench, late._replace(owner="owner-3"), refusal())
    bench.store().pairs.release(late, 1)
    bench.store().pairs.abandon(late)

    assert bench.items() == before
    assert bench.told() == []


def test_the_fence_alone_stops_a_holder_with_the_right_name(bench: StoreBench) -> None:
    lease = acquired(bench)

    assert not commit(bench, lease._replace(fence=lease.fence - 1))


def test_an_acquisition_whose_response_was_lost_is_found(bench: StoreBench) -> None:
    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        lease = acquired(bench)

    assert outage.struck == 1
    assert (lease.owner, lease.fence) == ("owner-1", 1)


@pytest.mark.parametrize("end", [commit, refuse])
def test_the_end_of_a_lease_whose_response_was_lost_is_found(bench: StoreBench, end: Any) -> None:
    lease = acquired(bench)

    with answer_lost(bench.dynamodb, "UpdateItem") as outage:
        assert end(bench, lease)

    assert outage.struck == 1
    assert record(bench).fence == 2


def test_a_lost_response_with_an_event_emits_one_event(bench: StoreBench, engine: str) -> None:
    lease, event = acquired(bench), refusal()

    with answer_lost(bench.dynamodb, "TransactWriteItems") as outage:
        done = refuse(bench, lease, event)

    assert outage.struck == 1
    assert done or engine == "moto", "moto does not remember a transaction's id"
    assert len(bench.told()) == 1
    assert record(bench).state is MerchantState.REAUTHORIZATION_REQUIRED


def test_a_renewal_by_the_worker_is_cancelled_unless_it_was_moved(bench: StoreBench) -> None:
    seen = named(bench)
    assert commit(bench, acquired(bench), "v-2")
    bench.store().schedule.reschedule(record(bench), NOW_S + 5)

    bench.store().pairs.cancel(seen)
    assert bench.due() == [KEY]

    bench.store().pairs.cancel(record(bench))
    assert bench.due() == []
    assert record(bench).version_id == "v-2"


def test_a_renewal_by_the_worker_is_rescheduled_unless_it_was_moved(bench: StoreBench) -> None:
    seen, store = named(bench), bench.store()

    store.schedule.reschedule(seen, NOW_S + 60, failure="provider_unavailable")
    store.schedule.reschedule(seen, NOW_S + 120, failure="provider_unavailable")
    assert (record(bench).due_at, record(bench).tries) == (NOW_S + 60, 1)

    store.schedule.reschedule(UnreadWork(MERCHANT, "pair#shop"), NOW_S + 3600)
    assert (record(bench).due_at, record(bench).tries) == (NOW_S + 3600, 1)

    store.schedule.reschedule(record(bench), None)
    assert bench.due() == []


def test_the_dispatchers_text_names_a_pair(bench: StoreBench) -> None:
    assert bench.store().schedule.identify("pair#shop") == WorkRef(WorkKind.PAIR, "shop")
