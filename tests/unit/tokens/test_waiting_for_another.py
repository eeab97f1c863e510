"""A caller that waits for another's mint reads, and writes nothing.

A thousand storefronts that ask at once would otherwise write to one item more often than a partition allows.
"""

import pytest

from tests.fakes.store_parts import LEASE, Mint
from tests.fakes.surroundings import listing_stack, one_token_stack, session_stack
from token_broker.errors import MintInProgress
from token_broker.tokens.issue import session_token, shop_token


def held(stack_now: float, seconds: int = LEASE) -> Mint:
    return Mint(fence=1, owner="another", lease_end=int(stack_now) + seconds, intent_id="b" * 26)


def test_a_shop_s_waiting_caller_only_reads() -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held(stack.clock.now())

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme")

    assert set(stack.store.calls) == {"leases.state"}


def test_a_session_s_waiting_caller_only_reads() -> None:
    stack = session_stack()
    stack.store.subjects["acme", "session:s-1"] = held(stack.clock.now())

    with pytest.raises(MintInProgress):
        session_token(stack.call(), "acme", "s-1", None)

    assert set(stack.store.calls) == {"leases.state"}


def test_one_whose_token_is_being_confirmed_by_another_gets_it_without_a_write() -> None:
    stack = one_token_stack()
    first = shop_token(stack.call(), "acme")
    stack.forget_memory()
    stack.clock.advance(2 * 24 * 3600)
    work = stack.store.subjects["acme", "shop"]
    work.owner, work.lease_end = "another", int(stack.clock.now()) + LEASE
    stack.store.calls.clear()

    assert shop_token(stack.call(), "acme").token_id == first.token_id
    assert stack.store.calls == ["leases.state"]


def test_a_lease_that_has_ended_keeps_nobody_waiting() -> None:
    stack = listing_stack()
    stack.store.subjects["acme", "shop"] = held(stack.clock.now(), seconds=0)

    assert shop_token(stack.call(), "acme").token_id == "1001"
    assert stack.clock.sleeps == []
