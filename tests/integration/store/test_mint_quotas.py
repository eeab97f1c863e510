"""The mint quota: what callers can have minted for one merchant in one minute, over all processes."""

import pytest

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import MERCHANT, NOW_S, StoreBench, Stores
from token_broker.domain.mint_quota import MINUTE
from token_broker.errors import RateLimited
from token_broker.ports.store import Store

SECONDS_LEFT = MINUTE - NOW_S % MINUTE


def is_refused(store: Store, merchant: str = MERCHANT) -> bool:
    try:
        store.mint_quotas.take(merchant)
    except RateLimited:
        return True
    return False


def test_all_processes_share_a_merchants_quota_until_the_minute_ends(stores: Stores) -> None:
    limited = stores.limited(24)
    limited.clock.advance(SECONDS_LEFT)
    granted = []
    for seconds in (0, 5, 50, 5):
        limited.clock.advance(seconds)
        granted.append([is_refused(limited.store()) for _ in range(25)].count(False))

    assert granted == [2, 2, 20, 2]


@pytest.mark.parametrize(("second", "seconds"), [(0, 1), (30.25, 0.75), (55, 5)])
def test_a_refusal_tells_when_the_next_mint_is_possible(stores: Stores, second: float, seconds: float) -> None:
    limited = stores.limited(60)
    limited.clock.advance(SECONDS_LEFT + second)
    while not is_refused(limited.store()):
        pass

    with pytest.raises(RateLimited) as refusal:
        limited.store().mint_quotas.take(MERCHANT)
    assert refusal.value.retry_after == seconds
    limited.clock.advance(seconds)
    assert not is_refused(limited.store())


def test_other_merchants_and_other_providers_have_quotas_of_their_own(stores: Stores) -> None:
    limited = stores.limited(1)
    assert [is_refused(limited.store()) for _ in range(2)] == [False, True]

    assert not is_refused(limited.store(), "another")
    assert not is_refused(limited.store("chicksx"))


def test_a_process_remembers_a_refusal_until_the_next_mint_is_possible(stores: Stores) -> None:
    store = stores.limited(1).store()
    store.mint_quotas.take(MERCHANT)
    store.mint_quotas.check(MERCHANT)
    assert is_refused(store)

    with pytest.raises(RateLimited) as refusal:
        store.mint_quotas.check(MERCHANT)
    assert refusal.value.retry_after == SECONDS_LEFT
    store.mint_quotas.check("another")
    stores.clock.advance(SECONDS_LEFT)
    store.mint_quotas.check(MERCHANT)


def test_without_a_limit_no_mint_is_refused_or_stored(bench: StoreBench) -> None:
    assert not any(is_refused(bench.store()) for _ in range(3))

    assert bench.items() == []


def test_each_minute_has_an_item_that_expires_with_the_next_minute(bench: StoreBench) -> None:
    store, minute = bench.limited(24).store("chicksx"), NOW_S + SECONDS_LEFT - MINUTE
    with counted(bench.dynamodb) as calls:
        taken = [is_refused(store) for _ in range(3)]

    assert (taken, calls) == ([False, False, True], ["UpdateItem"] * 3)
    key = {"pk": f"chicksx#{MERCHANT}", "sk": f"mint-quota#{minute}"}
    assert bench.items() == [{**key, "mints": 2, "expiresAt": minute + 2 * MINUTE}]
    assert (bench.due(), bench.pending()) == ([], {})
