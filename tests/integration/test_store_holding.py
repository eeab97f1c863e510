"""What a read of a subject says of a mint that is under way, or was left without an end."""

import pytest

from tests.integration.store_bench import MERCHANT, SESSION, SHOP, StoreBench, session_token, shop_token
from token_broker.aws.store.leases import LEASE
from token_broker.errors import Fate


@pytest.mark.parametrize(("provider", "subject"), [("shopify", SHOP), ("chicksx", SESSION)])
def test_a_read_says_until_when_somebody_holds_the_mint(bench: StoreBench, provider: str, subject: str) -> None:
    store = bench.store(provider)
    before = store.subject(MERCHANT, subject)
    mint = bench.begin(store, subject=subject)
    during = store.subject(MERCHANT, subject)
    store.publish(mint, shop_token() if subject == SHOP else session_token())
    after = store.subject(MERCHANT, subject)

    assert [state.held_until for state in (before, during, after)] == [0, int(bench.clock.now()) + LEASE, 0]
    assert [state.unresolved for state in (before, during, after)] == [False, True, False]


@pytest.mark.parametrize(("fate", "unresolved"), [(Fate.UNKNOWN, True), (Fate.NOT_DONE, False)])
def test_a_mint_that_was_given_up_is_held_by_nobody(bench: StoreBench, fate: Fate, *, unresolved: bool) -> None:
    store = bench.store()
    store.give_up(bench.begin(store), fate)

    seen = store.subject(MERCHANT, SHOP)

    assert (seen.held_until, seen.unresolved) == (0, unresolved)


def test_a_session_that_was_closed_during_a_mint_is_held_by_nobody(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    bench.begin(store, subject=SESSION)
    bench.close_session()

    seen = store.subject(MERCHANT, SESSION)

    assert (seen.closed, seen.held_until) == (True, 0)
