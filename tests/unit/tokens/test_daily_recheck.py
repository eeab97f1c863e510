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


def after_a_day() -> Surroundings[ScriptedProvider]:
    """Build a stack that has served token 7 and was idle for a day."""
    stack = one_token_stack()
    stack.provider.script = [SAME]
    shop_token(stack.call(), "acme")
    stack.clock.advance(DAY)
    stack.provider.mints.clear()
    return stack


def work(stack: Surroundings[ScriptedProvider]) -> Mint:
    return stack.store.subjects["acme", "shop"]


@pytest.mark.parametrize(("fresh", "seconds"), [(False, 3), (True, 15)])
def test_who_could_be_answered_already_is_not_kept_waiting(seconds: float, *, fresh: bool) -> None:
    stack = after_a_day()
    stack.provider.budgets.clear()
    stack.provider.script = [SAME]

    shop_token(stack.call(), "acme", fresh=fresh)

    assert stack.provider.budgets == [seconds]


def test_before_a_day_has_passed_the_store_serves() -> None:
    stack = one_token_stack()
    stack.provider.script = [SAME]
    shop_token(stack.call(), "acme")
    stack.clock.advance(DAY - 1)

    shop_token(stack.call(), "acme")

    assert len(stack.provider.mints) == 1


def test_after_a_day_the_provider_is_asked_and_confirms() -> None:
    stack = after_a_day()
    stack.provider.script = [SAME]

    assert shop_token(stack.call(), "acme").token_id == "7"
    assert len(stack.provider.mints) == 1
    assert work(stack).checked_at == stack.clock.now()
    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)


def test_a_confirmed_token_is_good_for_another_day() -> None:
    stack = after_a_day()
    stack.provider.script = [SAME]
    shop_token(stack.call(), "acme")
    stack.clock.advance(DAY - 1)

    shop_token(stack.call(), "acme")

    assert len(stack.provider.mints) == 1


def test_a_confirmed_token_keeps_its_first_record() -> None:
    stack = after_a_day()
    first = stack.store.records["acme", "shop", "7"]
    stack.provider.script = [minted("7", issued_at=int(stack.clock.now()))]

    assert shop_token(stack.call(), "acme") == first
    assert stack.telemetry.total("TokensIssued") == 1


def test_a_changed_token_takes_the_place_of_the_one_that_is_lost() -> None:
    stack = after_a_day()
    stack.provider.script = [CHANGED]

    assert shop_token(stack.call(), "acme").token_id == "8"
    gone = stack.store.records["acme", "shop", "7"]
    assert (gone.state, gone.access_token) == (State.LOST, None)
    assert work(stack).current == stack.store.records["acme", "shop", "8"]


def test_a_token_that_comes_back_is_served_again() -> None:
    stack = after_a_day()
    stack.provider.script = [CHANGED, SAME]
    shop_token(stack.call(), "acme")
    stack.clock.advance(DAY)

    assert shop_token(stack.call(), "acme").access_token == "value-of-7"


@pytest.mark.parametrize("failure", [down(), lost(), ProviderThrottled("Slow down.", retry_after=5)])
def test_a_provider_that_is_down_does_not_take_the_stored_token_away(failure: ProviderFailure) -> None:
    stack = after_a_day()
    stack.provider.script = [failure]

    assert shop_token(stack.call(), "acme").token_id == "7"
    assert stack.telemetry.notices == [("stored_token_served_unconfirmed", {"code": failure.code})]
    assert stack.store.held_leases == 0


def test_a_token_served_unconfirmed_is_asked_for_again_by_the_next_call_past_memory() -> None:
    stack = after_a_day()
    stack.provider.script = [down(), SAME]
    shop_token(stack.call(), "acme")
    stack.clock.advance(30)

    shop_token(stack.call(), "acme")

    assert work(stack).checked_at == stack.clock.now()


def test_credentials_that_are_refused_for_good_are_reported() -> None:
    stack = after_a_day()
    stack.provider.script = [ProviderRejectedCredentials("No."), ProviderRejectedCredentials("No.")]

    with pytest.raises(ProviderRejectedCredentials):
        shop_token(stack.call(), "acme")


def test_who_asks_for_fresh_is_not_served_an_unconfirmed_one() -> None:
    stack = after_a_day()
    stack.provider.script = [down()]

    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme", fresh=True)


def test_fresh_asks_the_provider_before_the_day_is_over() -> None:
    stack = one_token_stack()
    stack.provider.script = [SAME, CHANGED]
    shop_token(stack.call(), "acme")
    stack.clock.advance(1)

    assert shop_token(stack.call(), "acme", fresh=True).token_id == "8"


def test_while_another_rechecks_the_stored_token_is_served_at_once() -> None:
    stack = after_a_day()
    work(stack).owner, work(stack).lease_end = "another", int(stack.clock.now()) + 40

    assert shop_token(stack.call(), "acme").token_id == "7"
    assert (stack.clock.sleeps, stack.provider.mints) == ([], [])


def test_one_who_asks_for_fresh_waits_for_anothers_recheck_and_takes_its_result() -> None:
    stack = after_a_day()
    work(stack).owner, work(stack).lease_end = "another", int(stack.clock.now()) + 40

    def confirmed() -> None:
        work(stack).end_intent()
        work(stack).checked_at = stack.clock.now()

    stack.clock.plan(1.0, confirmed)

    assert shop_token(stack.call(), "acme", fresh=True).token_id == "7"
    assert stack.provider.mints == []


def test_one_who_asks_for_fresh_is_told_when_anothers_recheck_takes_too_long() -> None:
    stack = after_a_day()
    work(stack).owner, work(stack).lease_end = "another", int(stack.clock.now()) + 40

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme", fresh=True)


def test_a_token_that_another_replaced_meanwhile_is_what_the_waiting_caller_gets() -> None:
    stack = after_a_day()
    work(stack).owner, work(stack).lease_end = "another", int(stack.clock.now()) + 40

    def replaced() -> None:
        work(stack).end_intent()
        stack.store.keep(token("8"), checked_at=stack.clock.now())

    stack.clock.plan(0.5, replaced)

    assert shop_token(stack.call(), "acme", fresh=True).token_id == "8"


def test_a_stored_token_is_served_where_the_confirmation_cannot_be_noted() -> None:
    stack = after_a_day()
    stack.provider.script = [SAME]
    stack.store.refuse("leases.confirm", StorageUnavailable("Down."))

    assert shop_token(stack.call(), "acme").token_id == "7"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_stored_token_is_served_where_the_secret_cannot_be_read_unless_fresh_is_asked_for(*, fresh: bool) -> None:
    stack = after_a_day()
    stack.secrets.failure = StorageUnavailable("Down.")

    if fresh:
        with pytest.raises(StorageUnavailable):
            shop_token(stack.call(), "acme", fresh=True)
    else:
        assert shop_token(stack.call(), "acme").token_id == "7"
    assert stack.provider.mints == []
