"""The clock's look at a merchant's settings: it asks for a rotation once the current token has reached its age."""

from contextlib import suppress
from copy import replace

import pytest

from tests.fakes.killing import Killed, Killer
from tests.fakes.samples import token
from tests.fakes.surroundings import DAY, ListingStack
from tests.unit.lifecycle.worker_runs import Happen, due, result, secret_back, states, unusable_secret, work
from token_broker.domain.delays import MAX_PAUSE
from token_broker.domain.fields import Precondition
from token_broker.domain.pending import SettingsCheck
from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import State
from token_broker.errors import MintInProgress
from token_broker.lifecycle.rotate import rotate
from token_broker.lifecycle.rotation_settings import change, check
from token_broker.lifecycle.work_handlers import SCHEDULER
from token_broker.ports.documents import Revisioned
from token_broker.tokens.issue import shop_token

MAX_AGE = 90 * DAY
LOOK = "settings#rotation"


def put(stack: ListingStack, *, max_age: int | None = MAX_AGE, paused: bool = False) -> None:
    settings = RotationSettings(max_age=max_age, overlap=7 * DAY, paused=paused)
    change(stack.listing_call(), "acme", settings, Precondition())


def run(stack: ListingStack) -> dict[str, int]:
    """Run the worker on the due items, except the daily reconciliation."""
    items = due(stack)
    return work(stack, *items) if items else result()


def run_all(stack: ListingStack) -> None:
    while due(stack):
        run(stack)


def next_look(stack: ListingStack) -> int | None:
    """Seconds until it."""
    due_at = stack.store.schedules["acme"].due_at
    return None if due_at is None else due_at - int(stack.clock.now())


@pytest.fixture
def opted_in(stack: ListingStack) -> ListingStack:
    """Build a merchant whose token is new and whose settings were checked once."""
    shop_token(stack.call(), "acme")
    put(stack)
    assert run(stack) == result(done=1)
    return stack


@pytest.fixture
def aged(opted_in: ListingStack) -> ListingStack:
    """Build a merchant whose token has reached its age."""
    opted_in.clock.advance(MAX_AGE)
    return opted_in


def test_a_young_token_is_left_alone_until_it_has_reached_its_age(opted_in: ListingStack) -> None:
    assert next_look(opted_in) == MAX_AGE
    assert (opted_in.store.rotation_items, due(opted_in)) == ({}, [])
    opted_in.clock.advance(MAX_AGE - 1)

    assert work(opted_in, LOOK) == result(left=1)
    assert opted_in.store.rotation_items == {}


def test_a_token_that_has_reached_its_age_is_rotated_and_the_one_before_it_works_on(aged: ListingStack) -> None:
    assert run(aged) == result(done=1)
    assert due(aged) == ["rotation#shop"], "at once, not after the time of a call"
    assert aged.store.rotation_items["acme"].requested_by == SCHEDULER
    assert next_look(aged) == MAX_AGE
    assert run(aged) == result(done=1)

    assert states(aged) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert not aged.store.rotation_items["acme"].open


def test_a_token_that_was_rotated_on_demand_meanwhile_has_its_own_time(opted_in: ListingStack) -> None:
    opted_in.clock.advance(60 * DAY)
    rotate(opted_in.listing_call(), "acme")
    opted_in.clock.advance(30 * DAY)

    assert work(opted_in, LOOK) == result(done=1)

    assert next_look(opted_in) == 60 * DAY
    assert len(opted_in.provider.mints) == 2


def test_without_a_current_token_there_is_nothing_to_rotate_and_nothing_is_minted(stack: ListingStack) -> None:
    put(stack)
    for _ in range(2):
        assert run(stack) == result(done=1)
        assert (next_look(stack), stack.store.rotation_items, stack.provider.mints) == (MAX_AGE, {}, [])
        stack.clock.advance(MAX_AGE)


def test_a_schedule_that_fires_twice_at_once_begins_one_rotation(aged: ListingStack) -> None:
    stored = aged.store.schedules["acme"]
    assert stored.document is not None
    seen = SettingsCheck("acme", stored.document, stored.revision, stored.due_at)
    # The second looks from its first line to its last while the first is between asking and writing.
    aged.store.after["rotations.request"].append(lambda: check(aged.listing_call(), seen, by=SCHEDULER))

    assert run(aged) == result(done=1)
    first = aged.store.rotation_items["acme"].rotation_id
    run_all(aged)

    assert aged.store.rotation_items["acme"].rotation_id == first
    assert len(aged.provider.mints) == 2
    assert next_look(aged) == MAX_AGE


@pytest.mark.parametrize("number", range(1, 30))
def test_a_worker_that_dies_anywhere_leaves_one_rotation_to_be_done(aged: ListingStack, number: int) -> None:
    store, provider, secrets = aged.store, aged.provider, aged.secrets
    Killer(after=number).surround(aged)
    with suppress(Killed):
        run(aged)
        run(aged)
    aged.store, aged.provider, aged.secrets = store, provider, secrets
    for _ in range(4):
        aged.clock.advance(MAX_PAUSE)
        if due(aged):
            run(aged)

    assert sorted(states(aged).values()) == [State.CURRENT, State.RETIRING]
    assert len(aged.provider.mints) == 2
    assert due(aged) == []


def test_the_clock_joins_a_rotation_that_is_open(aged: ListingStack) -> None:
    aged.store.refuse("leases.commit", MintInProgress())
    rotate(aged.listing_call(), "acme")
    open_one = aged.store.rotation_items["acme"]
    assert open_one.open

    assert work(aged, LOOK) == result(done=1)

    assert aged.store.rotation_items["acme"].rotation_id == open_one.rotation_id
    assert next_look(aged) == MAX_AGE


def test_a_clock_that_jumps_back_rotates_nothing_before_its_time(aged: ListingStack) -> None:
    run_all(aged)
    aged.clock.advance(-200 * DAY)

    assert due(aged) == []
    put(aged, max_age=30 * DAY)
    assert run(aged) == result(done=1)

    assert next_look(aged) == 30 * DAY, "a token from the future is new, not older than everything"
    assert len(aged.provider.mints) == 2


def test_a_time_of_issue_in_the_future_does_not_put_the_look_off_for_ever(stack: ListingStack) -> None:
    stack.store.keep(replace(token("5"), issued_at=int(stack.clock.now()) + 4000 * DAY))
    put(stack)

    run(stack)

    assert next_look(stack) == MAX_AGE


def test_what_is_paused_is_not_looked_at_even_if_it_still_comes_in_a_message(aged: ListingStack) -> None:
    put(aged, paused=True)

    assert work(aged, LOOK) == result(left=1)
    assert (aged.store.rotation_items, next_look(aged)) == ({}, None)


@pytest.mark.parametrize(
    "settings",
    [RotationSettings(max_age=MAX_AGE, overlap=DAY, paused=True), RotationSettings(max_age=None, overlap=DAY)],
)
def test_what_is_due_without_any_reason_is_due_no_more(stack: ListingStack, settings: RotationSettings) -> None:
    stack.store.schedules["acme"] = Revisioned(settings, revision=1, due_at=int(stack.clock.now()))

    assert run(stack) == result(done=1)
    assert (next_look(stack), stack.store.rotation_items) == (None, {})


@pytest.mark.parametrize("operation", ["leases.state", "rotations.request", "schedule.reschedule"])
def test_a_change_that_comes_meanwhile_stays(aged: ListingStack, operation: str) -> None:
    aged.store.before[operation].append(lambda: put(aged, max_age=10 * DAY))

    run(aged)

    schedule = aged.store.schedules["acme"]
    assert schedule.revision == 2
    assert schedule.document == RotationSettings(max_age=10 * DAY, overlap=7 * DAY)
    assert next_look(aged) == 0, "the changed settings are looked at anew"


@unusable_secret
def test_a_merchant_without_a_usable_secret_is_put_off_by_most_of_an_hour_and_begins_no_rotation(
    aged: ListingStack, happen: Happen
) -> None:
    happen(aged)

    assert run(aged) == result(put_off=1)
    assert (aged.store.rotation_items, due(aged)) == ({}, [])
    assert next_look(aged) == MAX_PAUSE * 3 // 4

    secret_back(aged)
    aged.clock.advance(MAX_PAUSE)
    assert run(aged) == result(done=1)
    assert aged.store.rotation_items["acme"].open
