"""For one subject at most one mint is in flight; the others wait a little, then are told."""

import pytest

from tests.fakes.provider import lost
from tests.fakes.samples import token
from tests.fakes.store_parts import LEASE, Mint
from tests.fakes.surroundings import listing_stack, session_stack
from token_broker.errors import MintInProgress, ProviderUnavailable, SessionClosed
from token_broker.tokens.issue import session_token, shop_token, standing_token


def held(seconds: int = LEASE) -> Mint:
    """Begin a mint as another caller."""
    return Mint(fence=1, owner="another", lease_end=1_800_000_000 + seconds, intent_id="b" * 26)


def test_a_waiting_caller_gets_what_the_other_has_minted() -> None:
    stack = listing_stack()
    work = stack.store.subjects["acme", "shop"] = held()

    def minted_by_another() -> None:
        work.end_intent()
        stack.store.keep(token("77"))

    stack.clock.plan(1.5, minted_by_another)

    assert shop_token(stack.call(), "acme").token_id == "77"
    assert stack.provider.mints == []


def test_a_waiting_caller_takes_over_what_the_other_gave_up() -> None:
    stack = listing_stack()
    work = stack.store.subjects["acme", "shop"] = held()
    stack.clock.plan(1.5, work.end_intent)

    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_after_5_seconds_the_caller_is_told_to_come_again() -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held()
    started = stack.clock.monotonic()

    with pytest.raises(MintInProgress) as raised:
        shop_token(stack.call(), "acme")

    assert stack.clock.monotonic() - started == pytest.approx(5)
    assert raised.value.retry_after_seconds == 1
    assert stack.provider.mints == []


def test_nobody_waits_beyond_the_time_of_the_call() -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held()
    started = stack.clock.monotonic()

    with pytest.raises(MintInProgress):
        shop_token(stack.call(seconds=2), "acme")

    assert stack.clock.monotonic() - started == pytest.approx(2)


def test_the_looks_are_between_a_fifth_of_a_second_and_a_second_apart() -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held()

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme")

    assert all(0.2 <= wait <= 1.0 for wait in stack.clock.sleeps[:-1])
    assert sum(stack.clock.sleeps) == pytest.approx(5)


@pytest.mark.parametrize(("jitter", "wait"), [(0.0, 0.2), (0.5, 0.6), (1.0, 1.0)])
def test_callers_who_wait_for_the_same_mint_spread_over_those_waits(jitter: float, wait: float) -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held()

    call = stack.call()._replace(jitter=lambda: jitter)

    with pytest.raises(MintInProgress):
        shop_token(call, "acme")

    assert stack.clock.sleeps[:4] == pytest.approx([wait] * 4)


def test_a_lease_that_has_ended_is_taken_over() -> None:
    """Its holder's function is long over."""
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held(seconds=-1)

    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_nobody_mints_on_a_stale_read() -> None:
    """Between the look and the lease another minted: its token is served."""
    stack = listing_stack()

    def another_was_faster() -> None:
        stack.store.keep(token("77"))

    stack.store.before["leases.acquire"].append(another_was_faster)

    assert shop_token(stack.call(), "acme").token_id == "77"
    assert stack.provider.mints == []


def test_nobody_mints_on_a_read_from_during_anothers_mint() -> None:
    """The other ended between the look and the lease: its right is free, and its token is there."""
    stack = listing_stack()
    work = stack.store.subjects["acme", "shop"] = held(seconds=0)  # late, and not taken over: it can still write

    def the_other_ends() -> None:
        work.end_intent()
        stack.store.keep(token("77"))

    stack.store.before["leases.acquire"].append(the_other_ends)

    assert shop_token(stack.call(), "acme").token_id == "77"
    assert stack.provider.mints == []


def test_two_sessions_do_not_wait_for_each_other() -> None:
    stack = session_stack()
    stack.store.subjects["acme", "session:s-1"] = held()

    _, created = session_token(stack.call(), "acme", "s-2", None)

    assert created
    assert stack.clock.sleeps == []


def test_a_sessions_callers_wait_for_each_other() -> None:
    stack = session_stack()
    work = stack.store.subjects["acme", "session:s-1"] = held()

    def minted_by_another() -> None:
        work.end_intent()
        stack.store.keep(token("77", subject="session:s-1", expires_at=1_800_003_600))

    stack.clock.plan(1, minted_by_another)

    served, created = session_token(stack.call(), "acme", "s-1", None)

    assert (served.token_id, created) == ("77", False)
    assert stack.provider.mints == []


def test_a_sessions_caller_is_told_after_5_seconds_too() -> None:
    stack = session_stack()
    stack.store.subjects["acme", "session:s-1"] = held()

    with pytest.raises(MintInProgress):
        session_token(stack.call(), "acme", "s-1", None)


def test_a_session_that_closes_while_somebody_waits_gives_no_token() -> None:
    stack = session_stack()
    stack.store.subjects["acme", "session:s-1"] = held()
    stack.clock.plan(1, lambda: stack.store.close_at_once("acme", "s-1"))

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)


def test_callers_with_the_same_key_wait_for_each_other() -> None:
    stack = listing_stack()
    begun = stack.listing_call()
    stack.provider.script = [lost()]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        standing_token(begun, "acme", "T", "key-1")
    ((_, work),) = stack.store.standing.items()
    work.owner, work.lease_end = "another", int(stack.clock.now()) + LEASE

    with pytest.raises(MintInProgress):
        standing_token(stack.listing_call(), "acme", "T", "key-1")

    assert len(stack.provider.mints) == 1
