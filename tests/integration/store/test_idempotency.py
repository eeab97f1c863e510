"""An Idempotency-Key's memory: the intent of a standing token, kept for a day after the token was made."""

from typing import Any

import pytest

from tests.fakes.samples import BY_ANN
from tests.integration.support.store_harness import DAY, MERCHANT, OTHER_INTENT, StoreBench, lease_request, shop_token
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.token_store import DynamoStore
from token_broker.domain.leases import IdempotentReplay, LeaseHeld, MintLease
from token_broker.domain.token import State
from token_broker.errors import Conflict, RequestOutcome

KEY = "k" * 26
KEYED = {"key_id": KEY, "body_hash": "hash-1"}


def issued(bench: StoreBench, store: DynamoStore) -> None:
    store.leases.commit(bench.acquire_standing(store, **KEYED), shop_token(state=State.STANDING))


def begin(store: DynamoStore, owner: str = "owner-2", **changes: Any) -> MintLease | LeaseHeld | IdempotentReplay:
    return store.leases.acquire_standing(lease_request(owner, **{"intent_id": OTHER_INTENT, **KEYED, **changes}))


def test_the_same_key_and_body_give_the_token_that_was_made(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)

    again = begin(store)

    assert isinstance(again, IdempotentReplay)
    assert again.token == store.tokens.get(MERCHANT, "1001")


def test_the_token_comes_in_its_present_state(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)
    store.tokens.mark_revoking(shop_token(state=State.STANDING), BY_ANN)

    again = begin(store)

    assert isinstance(again, IdempotentReplay)
    assert (again.token.state, again.token.access_token) == (State.REVOKING, None)


def test_the_same_key_with_another_body_is_a_conflict(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)

    with pytest.raises(Conflict):
        begin(store, body_hash="hash-2")


@pytest.mark.parametrize("request_outcome", [None, RequestOutcome.UNKNOWN])
def test_another_body_is_a_conflict_also_while_the_first_is_open(
    bench: StoreBench, request_outcome: RequestOutcome | None
) -> None:
    store = bench.store()
    mint = bench.acquire_standing(store, **KEYED)
    if request_outcome is not None:
        store.leases.release(mint, request_outcome)

    with pytest.raises(Conflict):
        begin(store, body_hash="hash-2")


def test_while_the_first_is_at_work_the_second_waits(bench: StoreBench) -> None:
    store = bench.store()
    bench.acquire_standing(store, **KEYED)

    assert isinstance(begin(store), LeaseHeld)


def test_an_open_intent_is_continued(bench: StoreBench) -> None:
    store = bench.store()
    first = bench.acquire_standing(store, **KEYED)
    store.leases.release(first, RequestOutcome.UNKNOWN)

    again = begin(store)

    assert isinstance(again, MintLease)
    assert (again.continued, again.intent_id, again.fence) == (True, first.intent_id, 2)


def test_a_crashed_holder_is_continued_once_its_lease_has_ended(bench: StoreBench) -> None:
    store = bench.store()
    bench.acquire_standing(store, **KEYED)
    bench.clock.advance(LEASE + 1)

    again = begin(store)

    assert isinstance(again, MintLease)
    assert again.continued


def test_a_mint_that_was_not_done_leaves_the_key_free_for_any_body(bench: StoreBench) -> None:
    store = bench.store()
    store.leases.release(bench.acquire_standing(store, **KEYED), RequestOutcome.NOT_APPLIED)

    again = begin(store, body_hash="hash-2")

    assert isinstance(again, MintLease)
    assert not again.continued


def test_a_key_expires_by_its_time_whether_or_not_the_ttl_has_swept(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)
    bench.clock.advance(DAY + 1)

    again = begin(store, body_hash="hash-2")

    # The old mint has ended: the new one must not go looking for what that one made, nor bear its mark.
    assert isinstance(again, MintLease)
    assert (again.continued, again.intent_id) == (False, OTHER_INTENT)
    assert bench.item("shopify#acme", f"intent#{KEY}") is not None


def test_within_its_day_a_key_is_remembered_to_the_second(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)
    bench.clock.advance(DAY)

    assert isinstance(begin(store), IdempotentReplay)


def test_a_remembered_token_without_a_record_is_a_conflict(bench: StoreBench) -> None:
    store = bench.store()
    issued(bench, store)
    key = {"pk": {"S": "shopify#acme"}, "sk": {"S": "token#1001"}}
    bench.dynamodb.delete_item(TableName=bench.table_name, Key=key)

    with pytest.raises(Conflict):
        begin(store)
