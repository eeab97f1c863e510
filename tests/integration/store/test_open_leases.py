"""What a read of a subject says of a mint that is under way, or was left without an end."""

import pytest

from tests.integration.support.store_harness import MERCHANT, SESSION, SHOP, StoreBench, session_token, shop_token
from token_broker.aws.store.leases import LEASE
from token_broker.errors import RequestOutcome


@pytest.mark.parametrize(("provider", "subject"), [("shopify", SHOP), ("chicksx", SESSION)])
def test_a_read_says_until_when_somebody_holds_the_mint(bench: StoreBench, provider: str, subject: str) -> None:
    store = bench.store(provider)
    before = store.leases.state(MERCHANT, subject)
    mint = bench.begin(store, subject=subject)
    during = store.leases.state(MERCHANT, subject)
    store.leases.commit(mint, shop_token() if subject == SHOP else session_token())
    after = store.leases.state(MERCHANT, subject)

    assert [state.lease_expires_at for state in (before, during, after)] == [0, int(bench.clock.now()) + LEASE, 0]
    assert [state.has_open_intent for state in (before, during, after)] == [False, True, False]


@pytest.mark.parametrize(
    ("request_outcome", "has_open_intent"), [(RequestOutcome.UNKNOWN, True), (RequestOutcome.NOT_APPLIED, False)]
)
def test_a_mint_that_was_given_up_is_held_by_nobody(
    bench: StoreBench, request_outcome: RequestOutcome, *, has_open_intent: bool
) -> None:
    store = bench.store()
    store.leases.release(bench.begin(store), request_outcome)

    seen = store.leases.state(MERCHANT, SHOP)

    assert (seen.lease_expires_at, seen.has_open_intent) == (0, has_open_intent)


def test_a_session_that_was_closed_during_a_mint_is_held_by_nobody(bench: StoreBench) -> None:
    store = bench.store("chicksx")
    bench.begin(store, subject=SESSION)
    bench.close_session()

    seen = store.leases.state(MERCHANT, SESSION)

    assert (seen.closed, seen.lease_expires_at) == (True, 0)
