"""For one subject at most one mint is in flight. The other callers wait a little and only read, then are told."""

from collections.abc import Callable

import pytest

from tests.fakes.provider import ScriptedProvider
from tests.fakes.samples import token
from tests.fakes.store_parts import LEASE, Mint
from tests.fakes.surroundings import ListingStack, Surroundings, listing_stack, session_stack
from token_broker.domain.token import SHOP, Token
from token_broker.errors import MintInProgress, SessionClosed
from token_broker.tokens.issue import session_token, shop_token, standing_token

SESSION = "session:s-1"

type Stack = Surroundings[ScriptedProvider]


def ask_shop[P: ScriptedProvider](stack: Surroundings[P], seconds: float = 23.0) -> Token:
    return shop_token(stack.call(seconds=seconds), "acme")


def ask_session(stack: Stack, seconds: float = 23.0) -> Token:
    return session_token(stack.call(seconds=seconds), "acme", "s-1", None)[0]


#: A stack, its subject, and what asks for the subject's token.
both = pytest.mark.parametrize(
    ("make", "subject", "ask"),
    [(listing_stack, SHOP, ask_shop), (session_stack, SESSION, ask_session)],
    ids=["shop", "session"],
)


def held[P: ScriptedProvider](stack: Surroundings[P], subject: str = SHOP, seconds: int = LEASE) -> Mint:
    """Begin a mint as another caller."""
    work = Mint(fence=1, owner="another", lease_end=int(stack.clock.now()) + seconds, intent_id="b" * 26)
    stack.store.subjects["acme", subject] = work
    return work


def end_with_a_token[P: ScriptedProvider](stack: Surroundings[P], work: Mint, subject: str = SHOP) -> None:
    """End the mint of the other caller."""
    work.end_intent()
    stack.store.keep(token("77", subject=subject, expires_at=int(stack.clock.now()) + 3600))


@both
def test_a_waiting_caller_gets_what_the_other_has_minted(
    make: Callable[[], Stack], subject: str, ask: Callable[[Stack], Token]
) -> None:
    stack = make()
    work = held(stack, subject)
    stack.clock.plan(1.5, lambda: end_with_a_token(stack, work, subject))

    assert ask(stack).token_id == "77"
    assert stack.provider.mints == []


@both
def test_a_waiting_caller_takes_over_what_the_other_gave_up(
    make: Callable[[], Stack], subject: str, ask: Callable[[Stack], Token]
) -> None:
    stack = make()
    stack.clock.plan(1.5, held(stack, subject).end_intent)

    assert ask(stack).token_id == "1001"


@both
@pytest.mark.parametrize(("seconds", "wait"), [(23.0, 5), (2.0, 2)])
def test_after_5_seconds_or_the_time_of_the_call_the_caller_is_told_to_come_again_and_has_only_read(
    make: Callable[[], Stack], subject: str, ask: Callable[[Stack, float], Token], seconds: float, wait: float
) -> None:
    """A thousand storefronts would otherwise write to one item more often than a partition allows."""
    stack = make()
    held(stack, subject)
    started = stack.clock.monotonic()

    with pytest.raises(MintInProgress) as raised:
        ask(stack, seconds)

    assert stack.clock.monotonic() - started == pytest.approx(wait)
    assert raised.value.retry_after_seconds == 1
    assert (set(stack.store.calls), stack.provider.mints) == ({"leases.state"}, [])


@pytest.mark.parametrize(("jitter", "wait"), [(0.0, 0.2), (0.5, 0.6), (1.0, 1.0)])
def test_the_looks_are_between_a_fifth_of_a_second_and_a_second_apart(
    stack: ListingStack, jitter: float, wait: float
) -> None:
    held(stack)
    call = stack.call()
    call.jitter = lambda: jitter

    with pytest.raises(MintInProgress):
        shop_token(call, "acme")

    assert stack.clock.sleeps[:4] == pytest.approx([wait] * 4)
    assert sum(stack.clock.sleeps) == pytest.approx(5)


@pytest.mark.parametrize("seconds", [-1, 0])
def test_a_lease_that_has_ended_is_taken_over_at_once(stack: ListingStack, seconds: int) -> None:
    """Its holder's function is long over."""
    held(stack, seconds=seconds)

    assert ask_shop(stack).token_id == "1001"
    assert stack.clock.sleeps == []


@pytest.mark.parametrize("minting", [False, True])
def test_nobody_mints_on_a_stale_read(stack: ListingStack, *, minting: bool) -> None:
    """Another caller has minted between the read and the lease, and may have been minting at the read."""
    work = held(stack, seconds=0) if minting else Mint()  # late, and not taken over: it can still write
    stack.store.before["leases.acquire"].append(lambda: end_with_a_token(stack, work))

    assert ask_shop(stack).token_id == "77"
    assert stack.provider.mints == []


def test_two_sessions_do_not_wait_for_each_other() -> None:
    stack = session_stack()
    held(stack, "session:s-2")

    ask_session(stack)

    assert stack.clock.sleeps == []


def test_a_session_that_closes_while_somebody_waits_gives_no_token() -> None:
    stack = session_stack()
    held(stack, SESSION)
    stack.clock.plan(1, lambda: stack.store.close_at_once("acme", "s-1"))

    with pytest.raises(SessionClosed):
        ask_session(stack)


def create(stack: ListingStack) -> Token:
    return standing_token(stack.listing_call(), "acme", "T", "key-1")


@pytest.mark.parametrize(("make", "ask"), [(session_stack, ask_session), (listing_stack, create)])
def test_while_one_is_under_way_its_repetition_makes_no_second_token(
    make: Callable[[], Stack], ask: Callable[[Stack], Token]
) -> None:
    stack = make()
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(MintInProgress):
            ask(stack)
        refused.append("the second")

    stack.provider.script = [stack.provider.make_after(meanwhile)]

    assert ask(stack).token_id == "1001"
    assert (refused, len(stack.provider.mints)) == (["the second"], 1)
