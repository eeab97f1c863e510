"""An Idempotency-Key's memory: the intent of a standing token, kept for a day after the token was made."""

from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import DAY, INTENT, OTHER_INTENT, StoreBench, Stores, shop_token
from token_broker.aws.store.leases import LEASE
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, MintLease
from token_broker.domain.token import State
from token_broker.errors import Conflict, RequestOutcome
from token_broker.ports.store import Store

KEYED = {"key_id": "k" * 26, "body_hash": "hash-1"}


def issued(stores: Stores) -> None:
    stores.store().leases.commit(stores.begin_standing(**KEYED), shop_token(state=State.STANDING))


def begin(stores: Stores, **changes: Any) -> MintLease | LeaseHeld | IdempotentReplay:
    """Begin again with the same key, and another body if one is given."""
    return stores.store().leases.acquire_standing(
        stores.request("owner-2", **{"intent_id": OTHER_INTENT, **KEYED, **changes})
    )


def test_the_same_key_and_body_give_the_token_that_was_made_for_a_day(stores: Stores) -> None:
    issued(stores)
    stores.clock.advance(DAY)

    assert begin(stores) == IdempotentReplay(stores.token())


def test_the_token_comes_in_its_present_state(stores: Stores, store: Store) -> None:
    issued(stores)
    store.tokens.mark_revoking(shop_token(state=State.STANDING), BY_ANN)

    again = begin(stores)

    assert isinstance(again, IdempotentReplay)
    assert (again.token.state, again.token.access_token) == (State.REVOKING, None)


@pytest.mark.parametrize("first", ["made", "open", RequestOutcome.UNKNOWN])
def test_the_same_key_with_another_body_is_a_conflict(stores: Stores, first: str | RequestOutcome) -> None:
    if first == "made":
        issued(stores)
    else:
        mint = stores.begin_standing(**KEYED)
        if isinstance(first, RequestOutcome):
            stores.store().leases.release(mint, first)

    with pytest.raises(Conflict):
        begin(stores, body_hash="hash-2")


def test_while_the_first_is_at_work_the_second_waits(stores: Stores) -> None:
    stores.begin_standing(**KEYED)
    stores.clock.advance(LEASE - 1)

    assert isinstance(begin(stores), LeaseHeld)


@pytest.mark.parametrize("crashed", [True, False])
def test_an_open_intent_is_continued(stores: Stores, *, crashed: bool) -> None:
    first = stores.begin_standing(**KEYED)
    if crashed:
        stores.clock.advance(LEASE)
    else:
        stores.store().leases.release(first, RequestOutcome.UNKNOWN)

    again = begin(stores)

    assert isinstance(again, MintLease)
    assert (again.continued, again.intent_id, again.fence, again.remembered) == (True, INTENT, 2, True)


def test_a_mint_that_was_not_done_leaves_the_key_free_for_any_body(stores: Stores, store: Store) -> None:
    store.leases.release(stores.begin_standing(**KEYED), RequestOutcome.NOT_APPLIED)

    again = begin(stores, body_hash="hash-2")

    assert isinstance(again, MintLease)
    assert not again.continued


def test_a_key_expires_by_its_time_although_no_ttl_has_swept(stores: Stores) -> None:
    """The old mint has ended. The new one must not look for what that one made, nor bear its mark."""
    issued(stores)
    stores.clock.advance(DAY + 1)

    again = begin(stores, body_hash="hash-2")

    assert isinstance(again, MintLease)
    assert (again.continued, again.intent_id) == (False, OTHER_INTENT)


def test_a_remembered_token_without_a_record_is_a_conflict(bench: StoreBench) -> None:
    issued(bench)
    bench.delete("token#1001")

    with pytest.raises(Conflict):
        begin(bench)
