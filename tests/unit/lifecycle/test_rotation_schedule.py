"""The clock's look at a merchant's settings: it asks for a rotation once the current token has reached its age."""

from collections.abc import Callable
from contextlib import suppress
from copy import replace

import pytest

from tests.fakes.killing import Killed, Killer
from tests.fakes.samples import token
from tests.fakes.surroundings import DAY, ListingSurroundings, listing_stack
from token_broker.domain.delays import MAX_PAUSE
from token_broker.domain.fields import Precondition
from token_broker.domain.pending import SettingsCheck
from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import State
from token_broker.errors import MintInProgress
from token_broker.lifecycle.rotate import rotate
from token_broker.lifecycle.rotation_settings import change, check
from token_broker.lifecycle.work_handlers import SCHEDULER
from token_broker.lifecycle.worker import maintain
from token_broker.ports.documents import Revisioned
from token_broker.tokens.issue import shop_token

MAX_AGE = 90 * DAY
LOOK = "settings#rotation"


def put(stack: ListingSurroundings, *, max_age: int | None = MAX_AGE, paused: bool = False) -> None:
    change(
        stack.listing_call(),
        "acme",
        RotationSettings(max_age=max_age, overlap=7 * DAY, paused=paused),
        Precondition(),
    )


def opted_in(*, minted: bool = True) -> ListingSurroundings:
    """Build a merchant whose token is new and whose settings were checked once."""
    stack = listing_stack()
    if minted:
        shop_token(stack.call(), "acme")
    put(stack)
    assert run(stack) == result(done=1)
    return stack


def due_of(stack: ListingSurroundings) -> list[str]:
    """Return the pending work without the daily reconciliation."""
    return [item for item in stack.store.due_items("acme") if item != "reconciliation#shop"]


def run(stack: ListingSurroundings, *items: str) -> dict[str, int]:
    return maintain(stack.listing_call(), "acme", items or due_of(stack))


def result(*, done: int = 0, put_off: int = 0, left: int = 0) -> dict[str, int]:
    return {"done": done, "putOff": put_off, "left": left}


def next_look(stack: ListingSurroundings) -> int | None:
    """Seconds until it."""
    due_at = stack.store.schedules["acme"].due_at
    return None if due_at is None else due_at - int(stack.clock.now())


def tokens(stack: ListingSurroundings) -> dict[str, State]:
    return {token_id: record.state for (_, _, token_id), record in stack.store.records.items()}


def test_a_young_token_is_left_alone_until_it_has_reached_its_age() -> None:
    stack = opted_in()

    assert next_look(stack) == MAX_AGE
    assert (stack.store.rotation_items, due_of(stack)) == ({}, [])


def test_the_time_is_counted_from_the_tokens_own_beginning() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.clock.advance(30 * DAY)
    put(stack)

    run(stack)

    assert next_look(stack) == 60 * DAY


def test_a_token_that_has_reached_its_age_is_rotated_and_the_one_before_it_works_on() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)

    assert run(stack) == result(done=1)
    assert due_of(stack) == ["rotation#shop"], "at once, not after the time of a call"
    assert stack.store.rotation_items["acme"].requested_by == SCHEDULER
    assert next_look(stack) == MAX_AGE
    assert run(stack) == result(done=1)

    assert tokens(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert stack.store.rotations.get("acme") is not None
    assert not stack.store.rotation_items["acme"].open
    stack.clock.advance(7 * DAY)
    run(stack)
    assert tokens(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}


def test_one_second_before_that_it_is_not() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE - 1)

    assert run(stack, LOOK) == result(left=1)
    assert stack.store.rotation_items == {}


def test_it_goes_on_like_that() -> None:
    stack = opted_in()
    for _ in range(4):
        stack.clock.advance(MAX_AGE)
        while due_of(stack):
            run(stack)

    assert tokens(stack) == {
        **dict.fromkeys(("1001", "1002", "1003"), State.REVOKED),
        "1004": State.RETIRING,
        "1005": State.CURRENT,
    }


def test_a_token_that_was_rotated_on_demand_meanwhile_has_its_own_time() -> None:
    stack = opted_in()
    stack.clock.advance(60 * DAY)
    rotate(stack.listing_call(), "acme")
    stack.clock.advance(30 * DAY)

    assert run(stack, LOOK) == result(done=1)

    assert next_look(stack) == 60 * DAY
    assert len(stack.provider.mints) == 2


def test_without_a_current_token_there_is_nothing_to_rotate_and_nothing_is_minted() -> None:
    stack = opted_in(minted=False)

    assert next_look(stack) == MAX_AGE
    stack.clock.advance(MAX_AGE)
    assert run(stack) == result(done=1)
    assert (next_look(stack), stack.store.rotation_items, stack.provider.mints) == (MAX_AGE, {}, [])


def test_a_schedule_that_fires_twice_at_once_begins_one_rotation() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    stored = stack.store.schedules["acme"]
    assert stored.document is not None
    due = SettingsCheck("acme", stored.document, stored.revision, stored.due_at)
    # The second looks from its first line to its last while the first is between asking and writing.
    stack.store.after["rotations.request"].append(lambda: check(stack.listing_call(), due, by=SCHEDULER))

    assert run(stack) == result(done=1)
    first = stack.store.rotation_items["acme"].rotation_id
    while due_of(stack):
        run(stack)

    assert stack.store.rotation_items["acme"].rotation_id == first
    assert len(stack.provider.mints) == 2
    assert next_look(stack) == MAX_AGE


@pytest.mark.parametrize("number", range(1, 30))
def test_a_worker_that_dies_anywhere_leaves_one_rotation_to_be_done(number: int) -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    store, provider, secrets = stack.store, stack.provider, stack.secrets
    Killer(after=number).surround(stack)
    with suppress(Killed):
        run(stack)
        run(stack)
    stack.store, stack.provider, stack.secrets = store, provider, secrets
    for _ in range(4):
        stack.clock.advance(MAX_PAUSE)
        if due_of(stack):
            run(stack)

    assert sorted(tokens(stack).values()) == [State.CURRENT, State.RETIRING]
    assert len(stack.provider.mints) == 2
    assert due_of(stack) == []


def test_the_clock_joins_a_rotation_that_is_open() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    stack.store.refuse("leases.commit", MintInProgress())
    rotate(stack.listing_call(), "acme")
    (open_one,) = stack.store.rotation_items.values()
    assert open_one.open

    assert run(stack, LOOK) == result(done=1)

    assert stack.store.rotation_items["acme"].rotation_id == open_one.rotation_id
    assert next_look(stack) == MAX_AGE


def test_a_clock_that_jumps_back_rotates_nothing_before_its_time() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    run(stack)
    run(stack)
    stack.clock.advance(-200 * DAY)

    assert due_of(stack) == []
    put(stack, max_age=30 * DAY)
    assert run(stack) == result(done=1)

    assert next_look(stack) == 30 * DAY, "a token from the future is new, not older than everything"
    assert len(stack.provider.mints) == 2


def test_a_time_of_issue_in_the_future_does_not_put_the_look_off_for_ever() -> None:
    stack = listing_stack()
    far = int(stack.clock.now()) + 4000 * DAY
    stack.store.keep(replace(token("5"), issued_at=far))
    put(stack)

    run(stack)

    assert next_look(stack) == MAX_AGE


def test_what_is_paused_is_not_looked_at_even_if_it_still_comes_in_a_message() -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    put(stack, paused=True)

    assert run(stack, LOOK) == result(left=1)
    assert (stack.store.rotation_items, next_look(stack)) == ({}, None)


@pytest.mark.parametrize(
    "settings",
    [RotationSettings(max_age=MAX_AGE, overlap=DAY, paused=True), RotationSettings(max_age=None, overlap=DAY)],
)
def test_what_is_due_without_any_reason_is_due_no_more(settings: RotationSettings) -> None:
    stack = listing_stack()
    stack.store.schedules["acme"] = Revisioned(settings, revision=1, due_at=int(stack.clock.now()))

    assert run(stack) == result(done=1)
    assert (next_look(stack), stack.store.rotation_items) == (None, {})


@pytest.mark.parametrize("operation", ["leases.state", "rotations.request", "schedule.reschedule"])
def test_a_change_that_comes_meanwhile_stays(operation: str) -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    stack.store.before[operation].append(lambda: put(stack, max_age=10 * DAY))

    run(stack)

    schedule = stack.store.schedules["acme"]
    assert schedule.revision == 2
    assert schedule.document == RotationSettings(max_age=10 * DAY, overlap=7 * DAY)
    assert next_look(stack) == 0, "the changed settings are looked at anew"


def secret_gone(stack: ListingSurroundings) -> None:
    stack.secrets.delete("acme")


def secret_broken(stack: ListingSurroundings) -> None:
    stack.secrets.stored["acme"] = {"other": "field"}
    stack.secrets.kept.clear()


@pytest.mark.parametrize("happen", [secret_gone, secret_broken])
def test_a_merchant_without_a_usable_secret_is_put_off_by_most_of_an_hour_and_begins_no_rotation(
    happen: Callable[[ListingSurroundings], None],
) -> None:
    stack = opted_in()
    stack.clock.advance(MAX_AGE)
    happen(stack)

    assert run(stack) == result(put_off=1)
    assert (stack.store.rotation_items, due_of(stack)) == ({}, [])
    assert next_look(stack) == MAX_PAUSE * 3 // 4
    assert "work_rescheduled" in stack.telemetry.events

    stack.secrets.stored["acme"] = {"key": "first-key"}
    stack.secrets.kept.clear()
    stack.clock.advance(MAX_PAUSE)
    assert run(stack) == result(done=1)
    assert stack.store.rotation_items["acme"].open


def test_a_message_that_comes_late_finds_nothing_to_do() -> None:
    stack = listing_stack()

    assert run(stack, LOOK) == result(left=1)
    put(stack, max_age=None)
    assert run(stack, LOOK) == result(left=1)
