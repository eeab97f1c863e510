"""A merchant's mint quota: callers' mints count, tokens that are served do not, and a refusal leaves nothing behind."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.fakes.provider import ScriptedProvider
from tests.fakes.samples import token
from tests.fakes.store_parts import LEASE, Mint
from tests.fakes.surroundings import DAY, ListingStack, Surroundings, one_token_stack, session_stack
from token_broker.errors import RateLimited
from token_broker.lifecycle.rotate import RotationReport, rotate
from token_broker.tokens.issue import session_token, shop_token, standing_token

type Stack = Surroundings[ScriptedProvider]

MINUTE = 60


def session(stack: Stack, session_id: str = "s-1") -> str:
    return session_token(stack.call(), "acme", session_id, None)[0].token_id


def standing(stack: ListingStack, key: str | None = None) -> str:
    return standing_token(stack.listing_call(), "acme", "T", key).token_id


def use_up(stack: Surroundings[ScriptedProvider] | ListingStack) -> None:
    """Have other processes use up the merchant's quota of this minute."""
    stack.store.mints_per_minute = 1
    with suppress(RateLimited):
        for _ in range(2):
            stack.store.mint_quotas.take("acme")
    stack.store.refused_until.clear()


def assert_refused(stack: Surroundings[ScriptedProvider] | ListingStack, ask: Callable[[], object]) -> None:
    with pytest.raises(RateLimited):
        ask()
    assert (stack.provider.mints, stack.store.records) == ([], {})
    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)


def test_a_mint_over_the_quota_is_refused_until_the_minute_ends(stack: ListingStack) -> None:
    use_up(stack)

    assert_refused(stack, lambda: shop_token(stack.call(), "acme"))
    assert_refused(stack, lambda: standing(stack))
    assert stack.telemetry.total("MintsRefused") == 2
    stack.clock.advance(MINUTE)
    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_a_known_refusal_costs_a_session_no_lease() -> None:
    stack = session_stack()
    use_up(stack)
    assert_refused(stack, lambda: session(stack, "s-1"))

    stack.store.calls.clear()
    assert_refused(stack, lambda: session(stack, "s-2"))

    assert stack.store.calls == ["leases.state", "mint_quotas.check"]
    assert stack.telemetry.total("MintsRefused") == 2
    stack.clock.advance(MINUTE)
    assert session(stack, "s-2")


def test_served_tokens_do_not_count() -> None:
    stack = session_stack()
    stack.store.mints_per_minute = 24  # of which two are available at once

    assert len({session(stack, session_id) for session_id in ("s-1", "s-1", "s-1", "s-2", "s-1")}) == 2


def test_a_key_gives_its_token_again_although_the_quota_is_used_up(stack: ListingStack) -> None:
    first = standing(stack, "key-1")
    use_up(stack)

    assert standing(stack, "key-1") == first


def test_a_caller_that_waits_for_another_mint_is_not_refused() -> None:
    stack = session_stack()
    use_up(stack)
    assert_refused(stack, lambda: session(stack, "s-2"))
    work = Mint(fence=1, owner="another", lease_end=int(stack.clock.now()) + LEASE, intent_id="b" * 26)
    stack.store.subjects["acme", "session:s-1"] = work

    def end_with_a_token() -> None:
        work.end_intent()
        stack.store.keep(token("77", subject="session:s-1", expires_at=int(stack.clock.now()) + 3600))

    stack.clock.plan(1.5, end_with_a_token)

    assert session(stack, "s-1") == "77"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_stored_token_is_served_unconfirmed_unless_the_caller_wants_a_fresh_one(*, fresh: bool) -> None:
    stack = one_token_stack()
    first = shop_token(stack.call(), "acme")
    stack.clock.advance(DAY)
    stack.forget_memory()
    stack.provider.mints.clear()
    use_up(stack)

    if fresh:
        with pytest.raises(RateLimited):
            shop_token(stack.call(), "acme", fresh=True)
    else:
        assert shop_token(stack.call(), "acme") == first
        assert stack.telemetry.events == ["stored_token_served_unconfirmed"]
    assert (stack.provider.mints, stack.store.open_intents) == ([], [])


def test_a_rotation_is_not_counted(stack: ListingStack) -> None:
    first = shop_token(stack.call(), "acme")
    use_up(stack)

    report = rotate(stack.listing_call(), "acme")

    assert isinstance(report, RotationReport)
    assert report.token is not None
    assert report.token.token_id != first.token_id
