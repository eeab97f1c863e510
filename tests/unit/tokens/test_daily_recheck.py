"""A provider with one token a shop is asked for it again after a day, and at once where the caller asks for fresh."""

import pytest

from tests.fakes.provider import ScriptedProvider, down, lost
from tests.fakes.samples import minted, token
from tests.fakes.store_parts import Mint
from tests.fakes.surroundings import DAY, Surroundings, one_token_stack
from token_broker.domain.token import State
from token_broker.errors import (
    MintInProgress,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    StorageUnavailable,
)
from token_broker.tokens.issue import shop_token

SAME = minted("7")
CHANGED = minted("8")

type Stack = Surroundings[ScriptedProvider]


@pytest.fixture
def stack() -> Stack:
    """Build a stack that serves token 7, and whose provider gives it again."""
    made = one_token_stack()
    made.provider.script = [SAME]
    shop_token(made.call(), "acme")
    made.provider.script = [SAME, SAME]
    made.provider.mints.clear()
    made.provider.budgets.clear()
    return made


@pytest.fixture
def idle(stack: Stack) -> Stack:
    """Build such a stack that was idle for a day."""
    stack.clock.advance(DAY)
    return stack


def ask(stack: Stack, *, fresh: bool = False) -> str:
    return shop_token(stack.call(), "acme", fresh=fresh).token_id


def work(stack: Stack) -> Mint:
    return stack.store.subjects["acme", "shop"]


@pytest.mark.parametrize(("fresh", "seconds"), [(False, 3), (True, 15)])
def test_who_could_be_answered_already_is_not_kept_waiting(idle: Stack, seconds: float, *, fresh: bool) -> None:
    ask(idle, fresh=fresh)

    assert idle.provider.budgets == [seconds]


def test_after_a_day_the_provider_is_asked_and_a_confirmed_token_is_good_for_another_day(stack: Stack) -> None:
    for _ in range(2):
        stack.clock.advance(DAY - 1)
        ask(stack)
        assert stack.provider.mints == []

        stack.forget_memory()
        stack.clock.advance(1)
        assert ask(stack) == "7"
        assert len(stack.provider.mints) == 1
        assert work(stack).checked_at == stack.clock.now()
        assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)
        stack.provider.mints.clear()


def test_a_confirmed_token_keeps_its_first_record(idle: Stack) -> None:
    first = idle.store.records["acme", "shop", "7"]
    idle.provider.script = [minted("7", issued_at=int(idle.clock.now()))]

    assert shop_token(idle.call(), "acme") == first
    assert idle.telemetry.total("TokensIssued") == 1


def test_a_changed_token_takes_the_place_of_the_one_that_is_lost_until_that_comes_back(idle: Stack) -> None:
    idle.provider.script = [CHANGED, SAME]

    assert ask(idle) == "8"
    gone = idle.store.records["acme", "shop", "7"]
    assert (gone.state, gone.access_token) == (State.LOST, None)
    assert work(idle).current == idle.store.records["acme", "shop", "8"]

    idle.clock.advance(DAY)
    assert shop_token(idle.call(), "acme").access_token == "value-of-7"


@pytest.mark.parametrize("failure", [down(), lost(), ProviderThrottled("Slow down.", retry_after=5)])
def test_a_provider_that_is_down_does_not_take_the_stored_token_away(idle: Stack, failure: ProviderFailure) -> None:
    idle.provider.script = [failure, SAME]

    assert ask(idle) == "7"
    assert idle.telemetry.notices == [("stored_token_served_unconfirmed", {"code": failure.code})]
    assert idle.store.held_leases == 0

    idle.clock.advance(30)  # past memory
    ask(idle)
    assert work(idle).checked_at == idle.clock.now()


def test_credentials_that_are_refused_for_good_are_reported(idle: Stack) -> None:
    idle.provider.script = [ProviderRejectedCredentials("No."), ProviderRejectedCredentials("No.")]

    with pytest.raises(ProviderRejectedCredentials):
        ask(idle)


def test_who_asks_for_fresh_is_not_served_an_unconfirmed_one(idle: Stack) -> None:
    idle.provider.script = [down()]

    with pytest.raises(ProviderUnavailable):
        ask(idle, fresh=True)


def test_fresh_asks_the_provider_unless_it_has_confirmed_in_this_very_moment(stack: Stack) -> None:
    stack.provider.script = [CHANGED]

    assert ask(stack, fresh=True) == "7"
    assert stack.provider.mints == []
    stack.clock.advance(1)
    assert ask(stack, fresh=True) == "8"


@pytest.fixture
def rechecked(idle: Stack) -> Stack:
    """Have another caller recheck the token."""
    work(idle).owner, work(idle).lease_end = "another", int(idle.clock.now()) + 40
    idle.store.calls.clear()
    return idle


def test_while_another_rechecks_the_stored_token_is_served_at_once_and_without_a_write(rechecked: Stack) -> None:
    assert ask(rechecked) == "7"
    assert (rechecked.clock.sleeps, rechecked.provider.mints) == ([], [])
    assert rechecked.store.calls == ["leases.state"]


@pytest.mark.parametrize("found", ["7", "8"])
def test_one_who_asks_for_fresh_waits_for_anothers_recheck_and_takes_its_result(rechecked: Stack, found: str) -> None:
    def end() -> None:
        work(rechecked).end_intent()
        rechecked.store.keep(token(found), checked_at=rechecked.clock.now())

    rechecked.clock.plan(1.0, end)

    assert ask(rechecked, fresh=True) == found
    assert rechecked.provider.mints == []


def test_one_who_asks_for_fresh_is_told_when_anothers_recheck_takes_too_long(rechecked: Stack) -> None:
    with pytest.raises(MintInProgress):
        ask(rechecked, fresh=True)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("part", ["confirmation", "secret"])
def test_where_storage_fails_the_stored_token_is_served_unless_fresh_is_asked_for(
    idle: Stack, part: str, *, fresh: bool
) -> None:
    if part == "secret":
        idle.secrets.failure = StorageUnavailable("Down.")
    else:
        idle.store.refuse("leases.confirm", StorageUnavailable("Down."))

    if fresh:
        with pytest.raises(StorageUnavailable):
            ask(idle, fresh=True)
    else:
        assert ask(idle) == "7"
    assert idle.store.held_leases == 0
    assert len(idle.provider.mints) == (0 if part == "secret" else 1)
