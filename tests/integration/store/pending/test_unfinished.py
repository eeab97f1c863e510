"""Open intents are acquired when they are due, and rescheduled, unless another writer was faster."""

import pytest

from tests.integration.support.store_harness import (
    ANN,
    INTENT,
    MERCHANT,
    NOW_S,
    StoreBench,
    Stores,
    shop_token,
)
from token_broker.aws.store.leases import LEASE
from token_broker.domain.pending import UnreadWork, WorkKind, WorkRef
from token_broker.domain.token import State
from token_broker.errors import MintInProgress, RequestOutcome
from token_broker.ports.store import Store

ON_EITHER = pytest.mark.parametrize("standing", [False, True])
FAILED = "provider_unavailable"


def left_open(stores: Stores, *, standing: bool = False, **more: str) -> None:
    """Leave a mint open whose holder died."""
    stores.begin_either(standing=standing, owner="dead", title="Kiosk", **more)
    stores.clock.advance(LEASE + 1)


@ON_EITHER
@pytest.mark.parametrize("account_id", ["", "acme.example"])
def test_an_open_intent_is_taken_over_with_all_that_is_known_of_it(
    stores: Stores, account_id: str, *, standing: bool
) -> None:
    left_open(stores, standing=standing, account_id=account_id)
    name = INTENT if standing else None

    intent = stores.expired(name)

    mint = intent.lease
    assert (mint.intent_id, mint.owner, mint.fence, mint.title, mint.continued) == (INTENT, "worker", 2, "Kiosk", True)
    assert (mint.standing_id, mint.remembered, mint.account_id) == (name, False, account_id)
    assert (intent.requested_by, intent.tries, intent.asked_until) == (ANN, 0, NOW_S + LEASE)
    assert list(stores.pending().values()) == [NOW_S + LEASE + 1 + LEASE]


def test_one_with_a_key_is_remembered(stores: Stores) -> None:
    left_open(stores, standing=True, key_id="k" * 26, body_hash="hash")

    assert stores.expired("k" * 26).lease.remembered


@ON_EITHER
def test_a_token_is_published_by_whoever_took_over(stores: Stores, store: Store, *, standing: bool) -> None:
    left_open(stores, standing=standing)
    state = State.STANDING if standing else State.CURRENT

    store.leases.commit(stores.expired(INTENT if standing else None).lease, shop_token(state=state))

    assert stores.token().state is state
    assert stores.pending() == {}


@ON_EITHER
def test_an_intent_that_led_to_nothing_is_ended(stores: Stores, store: Store, *, standing: bool) -> None:
    left_open(stores, standing=standing)

    store.leases.release(stores.expired(INTENT if standing else None).lease, RequestOutcome.NOT_APPLIED)

    assert stores.pending() == {}
    assert store.leases.open_intent_ids(MERCHANT) == set()


@ON_EITHER
def test_it_is_left_open_for_later_and_its_tries_are_counted(stores: Stores, store: Store, *, standing: bool) -> None:
    left_open(stores, standing=standing)
    name, tries = (INTENT if standing else None), []
    for _ in range(3):
        intent = stores.expired(name)
        tries.append((intent.tries, intent.asked_until))
        stores.clock.advance(1)
        store.schedule.reschedule(intent, int(stores.clock.now()), failure=FAILED)

    assert tries == [(number, NOW_S + LEASE) for number in range(3)], "the last holder's time, not the worker's"
    store.schedule.reschedule(stores.expired(name), NOW_S + 500, failure=FAILED)
    assert list(stores.pending().values()) == [NOW_S + 500]
    assert store.leases.acquire_expired(MERCHANT, name, "worker") is None, "it is not due"


def test_a_caller_continues_what_the_worker_left_open(stores: Stores, store: Store) -> None:
    left_open(stores)
    store.schedule.reschedule(stores.expired(), NOW_S + 500, failure=FAILED)

    mint = stores.begin("caller", intent_id="z" * 26)

    assert (mint.intent_id, mint.continued) == (INTENT, True)
    stores.clock.advance(LEASE + 1)
    assert stores.expired().asked_until == NOW_S + LEASE + 1 + LEASE


def test_nothing_is_taken_over_that_is_not_open(stores: Stores, store: Store) -> None:
    stores.issue(shop_token())
    stores.clock.advance(1000)
    before = stores.contents()

    for merchant, name in [(MERCHANT, None), (MERCHANT, INTENT), ("nobody", None)]:
        assert store.leases.acquire_expired(merchant, name, "worker") is None
    assert stores.contents() == before


def test_nothing_is_taken_over_that_somebody_holds_or_that_cannot_be_found(stores: Stores, store: Store) -> None:
    stores.begin("alive")
    store.leases.acquire(stores.request(merchant="other", findable=False), store.leases.state("other", "shop"))
    store.schedule.reschedule(UnreadWork(MERCHANT, "subject#shop"), NOW_S)
    stores.clock.advance(LEASE - 1)
    assert store.leases.acquire_expired(MERCHANT, None, "worker") is None, "it is due, and held"
    stores.clock.advance(2)

    stores.expired(owner="one")

    assert store.leases.acquire_expired(MERCHANT, None, "two") is None
    assert store.leases.acquire_expired("other", None, "two") is None


def test_a_worker_whose_time_was_over_changes_nothing(stores: Stores, store: Store) -> None:
    left_open(stores)
    late = stores.expired(owner="late")
    stores.clock.advance(LEASE + 1)
    stores.expired(owner="next")
    before = stores.contents()

    store.schedule.reschedule(late, 1, failure=FAILED)
    store.leases.release(late.lease, RequestOutcome.NOT_APPLIED)
    with pytest.raises(MintInProgress):
        store.leases.commit(late.lease, shop_token())

    assert stores.contents() == before


def test_an_intent_is_set_aside_without_being_read_while_it_is_open(stores: Stores, store: Store) -> None:
    left_open(stores)
    store.schedule.reschedule(UnreadWork(MERCHANT, "subject#shop"), NOW_S + 3600)
    store.schedule.reschedule(UnreadWork(MERCHANT, f"intent#{INTENT}"), NOW_S + 3600)
    assert stores.pending() == {"subject#shop": NOW_S + 3600}

    store.leases.commit(stores.begin("owner-2"), shop_token())
    store.schedule.reschedule(UnreadWork(MERCHANT, "subject#shop"), NOW_S + 7200)

    assert stores.pending() == {}


def test_the_dispatchers_text_names_its_work_or_none(store: Store) -> None:
    named = {
        "pair#shop": WorkRef(WorkKind.PAIR, "shop"),
        "subject#shop": WorkRef(WorkKind.INTENT, ""),
        f"intent#{INTENT}": WorkRef(WorkKind.INTENT, INTENT),
        "token#1001": WorkRef(WorkKind.REVOCATION, "1001"),
        "rotation#shop": WorkRef(WorkKind.ROTATION, "shop"),
        "settings#rotation": WorkRef(WorkKind.ROTATION_SETTINGS, "rotation"),
        "reconciliation#shop": WorkRef(WorkKind.RECONCILIATION, "shop"),
        **dict.fromkeys(("", "token", "token#", "token#a b", "policy#shop", "Token#1", "token#1#2")),
    }

    assert {item: store.schedule.identify(item) for item in named} == named


def test_an_intent_of_an_older_version_names_nobody_and_ends_with_its_lease(bench: StoreBench) -> None:
    left_open(bench)
    bench.change("subject#shop", "REMOVE intentBy, intentRealm, intentEnd")

    intent = bench.expired()

    assert (intent.requested_by, intent.lease.account_id, intent.asked_until) == ("", "", NOW_S + LEASE)
