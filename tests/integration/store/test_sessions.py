"""Closing in the table: one item that outlives every token of the session, and that no mint gets past."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.outages import answer_lost
from tests.integration.support.store_harness import (
    DAY,
    MERCHANT,
    NOW,
    SESSION,
    SESSION_PARTITION,
    StoreBench,
    session_lease_request,
    session_token,
)
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.sessions import MAX_ATTEMPTS
from token_broker.aws.store.table import Table
from token_broker.aws.store.token_store import SESSION_RETENTION, DynamoStore
from token_broker.domain.leases import LeaseHeld, MintLease, SubjectState
from token_broker.domain.pending import SessionClosure
from token_broker.domain.token import session_subject
from token_broker.errors import MintInProgress, RequestOutcome, SessionClosed, StorageUnavailable

NOW_S = int(NOW)
HOUR = 60 * 60


@pytest.fixture
def store(bench: StoreBench) -> DynamoStore:
    return bench.store("chicksx")


def subject(bench: StoreBench) -> dict[str, Any]:
    """Return the session's own item without its keys."""
    found = bench.item(SESSION_PARTITION, "subject")
    assert found is not None
    return {name: value for name, value in found.items() if name not in ("pk", "sk")}


def begin(bench: StoreBench, store: DynamoStore) -> MintLease:
    return bench.begin(store, subject=SESSION, title=None, findable=False)


@contextmanager
def before_the_second_write(bench: StoreBench, *actions: Callable[[], object]) -> Iterator[list[str]]:
    """Something happens between two of a closing's writes; the list has its writes."""
    writes: list[str] = []
    waiting = list(actions)
    acting: list[bool] = []

    def note(**_: Any) -> None:
        if acting:
            return
        writes.append("TransactWriteItems")
        if len(writes) > 1 and waiting:
            acting.append(True)
            waiting.pop(0)()
            acting.pop()

    events = bench.dynamodb.meta.events
    events.register("before-call.dynamodb.TransactWriteItems", note)
    try:
        yield writes
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", note)
    assert waiting == [], "something was to happen and did not"


# What is written


def test_a_session_that_nobody_has_seen_is_closed_by_one_write(bench: StoreBench, store: DynamoStore) -> None:
    with counted(bench.dynamodb) as calls:
        closure = store.sessions.close(MERCHANT, SESSION, "order-1")

    assert calls == ["TransactWriteItems"]
    assert closure == SessionClosure(closed_at=NOW_S, order_id="order-1", new=True)
    assert [(item["pk"], item["sk"]) for item in bench.items()] == [(SESSION_PARTITION, "subject")]
    assert subject(bench) == {"closedAt": NOW_S, "orderId": "order-1", "expiresAt": NOW_S + SESSION_RETENTION}


def test_without_an_order_there_is_none(bench: StoreBench, store: DynamoStore) -> None:
    assert store.sessions.close(MERCHANT, SESSION, None) == SessionClosure(closed_at=NOW_S, order_id=None, new=True)
    assert set(subject(bench)) == {"closedAt", "expiresAt"}


def test_closed_outlives_the_token_by_the_retention(bench: StoreBench, store: DynamoStore) -> None:
    """The TTL was late enough already, and stays: still one write."""
    issued = bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    record = bench.item(SESSION_PARTITION, f"token#{issued.token_id}")

    with counted(bench.dynamodb) as calls:
        store.sessions.close(MERCHANT, SESSION, "order-1")

    assert calls == ["TransactWriteItems"]
    assert subject(bench)["expiresAt"] == NOW_S + HOUR + SESSION_RETENTION
    assert bench.item(SESSION_PARTITION, f"token#{issued.token_id}") == record


@pytest.mark.parametrize("after", [HOUR + 1, 20 * DAY, SESSION_RETENTION + 2 * DAY])
def test_closed_is_remembered_for_the_whole_retention_where_the_token_has_ended(
    bench: StoreBench, store: DynamoStore, after: int
) -> None:
    """Also where the TTL has passed and the item is still there: DynamoDB deletes late."""
    bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    bench.clock.advance(after)

    with counted(bench.dynamodb) as calls:
        closure = store.sessions.close(MERCHANT, SESSION, None)

    assert calls == ["TransactWriteItems", "GetItem", "TransactWriteItems"]
    assert (closure.closed_at, closure.new) == (NOW_S + after, True)
    assert subject(bench)["expiresAt"] == NOW_S + after + SESSION_RETENTION


@pytest.mark.parametrize("request_outcome", RequestOutcome)
def test_a_mint_that_came_to_nothing_shortens_nothing(
    bench: StoreBench, store: DynamoStore, request_outcome: RequestOutcome
) -> None:
    store.leases.release(begin(bench, store), request_outcome)
    bench.clock.advance(DAY)

    store.sessions.close(MERCHANT, SESSION, None)

    assert subject(bench)["expiresAt"] == NOW_S + DAY + SESSION_RETENTION


def test_the_retention_is_the_stacks(bench: StoreBench) -> None:
    table = Table(lambda: bench.dynamodb, bench.table_name)
    store = DynamoStore(table, provider="chicksx", clock=bench.clock, session_retention=7 * DAY)

    store.sessions.close(MERCHANT, SESSION, None)

    assert subject(bench)["expiresAt"] == NOW_S + 7 * DAY


@pytest.mark.parametrize("order_id", ["order-1", "order-2", None])
def test_closed_again_nothing_changes(bench: StoreBench, store: DynamoStore, order_id: str | None) -> None:
    store.sessions.close(MERCHANT, SESSION, "order-1")
    bench.clock.advance(DAY)
    before = bench.items()

    with counted(bench.dynamodb) as calls:
        closure = store.sessions.close(MERCHANT, SESSION, order_id)

    assert calls == ["TransactWriteItems", "GetItem"]
    assert closure == SessionClosure(closed_at=NOW_S, order_id="order-1", new=False)
    assert bench.items() == before
    assert [event["type"] for event in bench.told()] == ["SessionClosed"]


def test_an_order_is_not_added_to_a_closed_session(bench: StoreBench, store: DynamoStore) -> None:
    store.sessions.close(MERCHANT, SESSION, None)

    assert store.sessions.close(MERCHANT, SESSION, "order-1") == SessionClosure(
        closed_at=NOW_S, order_id=None, new=False
    )


def test_a_write_that_was_repeated_by_the_sdk_finds_its_own_closing(bench: StoreBench, store: DynamoStore) -> None:
    with answer_lost(bench.dynamodb, "TransactWriteItems") as lost:
        closure = store.sessions.close(MERCHANT, SESSION, "order-1")

    assert lost.struck == 1
    assert (closure.closed_at, closure.order_id) == (NOW_S, "order-1")
    assert subject(bench) == {"closedAt": NOW_S, "orderId": "order-1", "expiresAt": NOW_S + SESSION_RETENTION}


@pytest.mark.parametrize(
    "session_id",
    ["#", "a#b", "a b", " a", "a ", "subject", "token#1", "a/b", "é", "日本語", "🛒", "session:s-1", "🛒" * 256],
)
def test_any_id_is_a_session_of_its_own(bench: StoreBench, store: DynamoStore, session_id: str) -> None:
    closed, others = session_subject(session_id), [f"{session_id}x", session_id[:-1], "s-1"]

    store.sessions.close(MERCHANT, closed, None)

    assert [item["pk"] for item in bench.items()] == [f"chicksx#{MERCHANT}#session:{session_id}"]
    assert store.leases.state(MERCHANT, closed).closed
    assert not any(store.leases.state(MERCHANT, session_subject(other)).closed for other in others)
    assert not store.leases.state("another", closed).closed


# No mint gets past it


def test_a_closed_session_has_no_lease(bench: StoreBench, store: DynamoStore) -> None:
    """The open intent stays: nobody knows yet what became of it."""
    mint = begin(bench, store)

    store.sessions.close(MERCHANT, SESSION, "order-1")

    item = subject(bench)
    assert {"owner", "leaseEnd"} & set(item) == set()
    assert item["intentId"] == mint.intent_id
    assert item["expiresAt"] == NOW_S + SESSION_RETENTION


def test_who_is_minting_cannot_store_its_token(bench: StoreBench, store: DynamoStore) -> None:
    mint = begin(bench, store)
    bench.store("chicksx").sessions.close(MERCHANT, SESSION, None)
    before = bench.items()

    with pytest.raises(SessionClosed):
        store.leases.commit(mint, session_token())

    assert bench.items() == before
    assert store.leases.state(MERCHANT, SESSION) == SubjectState(closed=True, fence=mint.fence, has_open_intent=True)


@pytest.mark.parametrize("request_outcome", RequestOutcome)
def test_who_was_minting_leaves_the_closed_session_as_it_is(
    bench: StoreBench, store: DynamoStore, request_outcome: RequestOutcome
) -> None:
    mint = begin(bench, store)
    store.sessions.close(MERCHANT, SESSION, None)
    before = bench.items()

    store.leases.release(mint, request_outcome)

    assert bench.items() == before


@pytest.mark.parametrize("after", [0, LEASE + 1, 10 * DAY])
def test_nobody_begins_any_more_whatever_they_have_read(bench: StoreBench, store: DynamoStore, after: int) -> None:
    fresh = SubjectState()
    mint = begin(bench, store)
    minting = store.leases.state(MERCHANT, SESSION)
    store.sessions.close(MERCHANT, SESSION, None)
    before = bench.items()
    bench.clock.advance(after)

    for seen in (fresh, minting, store.leases.state(MERCHANT, SESSION), SubjectState(fence=mint.fence + 1)):
        assert isinstance(store.leases.acquire(session_lease_request("owner-2"), seen), LeaseHeld)

    assert bench.items() == before


def test_a_begin_whose_answer_was_lost_does_not_find_its_lease_once_the_session_is_closed(
    bench: StoreBench, store: DynamoStore
) -> None:
    """So the provider is not even asked."""
    events = bench.dynamodb.meta.events
    closer = bench.store("chicksx")
    seen = store.leases.state(MERCHANT, SESSION)

    def close(**_: Any) -> None:
        events.unregister("needs-retry.dynamodb.UpdateItem", close)
        closer.sessions.close(MERCHANT, SESSION, None)

    with answer_lost(bench.dynamodb, "UpdateItem") as lost:
        events.register_first("needs-retry.dynamodb.UpdateItem", close)
        begun = store.leases.acquire(session_lease_request(), seen)

    assert lost.struck == 1
    assert isinstance(begun, LeaseHeld)
    assert store.leases.state(MERCHANT, SESSION).closed


def test_a_writer_whose_lease_was_taken_over_before_is_told_that_the_session_is_closed(
    bench: StoreBench, store: DynamoStore
) -> None:
    paused = begin(bench, store)
    bench.clock.advance(LEASE + 1)
    bench.begin(store, "owner-2", subject=SESSION, title=None, findable=False)

    with pytest.raises(MintInProgress):
        store.leases.commit(paused, session_token())
    store.sessions.close(MERCHANT, SESSION, None)

    with pytest.raises(SessionClosed):
        store.leases.commit(paused, session_token())


def test_a_token_of_before_is_known_and_closed_goes_before_it(bench: StoreBench, store: DynamoStore) -> None:
    issued = bench.issue(store, session_token())
    store.sessions.close(MERCHANT, SESSION, None)

    state = store.leases.state(MERCHANT, SESSION)

    assert (state.closed, state.token) == (True, issued)


# At once with others


def test_of_two_closings_at_once_one_stands(bench: StoreBench, store: DynamoStore) -> None:
    bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    bench.clock.advance(DAY)
    other = bench.store("chicksx")

    with before_the_second_write(bench, lambda: other.sessions.close(MERCHANT, SESSION, "order-2")) as writes:
        closure = store.sessions.close(MERCHANT, SESSION, "order-1")

    assert len(writes) == 2
    assert closure == SessionClosure(closed_at=NOW_S + DAY, order_id="order-2", new=False)
    assert subject(bench)["orderId"] == "order-2"


def test_a_mint_that_begins_between_two_writes_of_a_closing_is_closed_out(
    bench: StoreBench, store: DynamoStore
) -> None:
    """It takes the TTL away, which then must come back."""
    bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    bench.clock.advance(DAY)
    minter, begun = bench.store("chicksx"), []

    with before_the_second_write(bench, lambda: begun.append(begin(bench, minter))) as writes:
        assert store.sessions.close(MERCHANT, SESSION, None).new

    assert len(writes) == 3
    assert subject(bench)["expiresAt"] == NOW_S + DAY + SESSION_RETENTION
    with pytest.raises(SessionClosed):
        minter.leases.commit(begun[0], session_token("jti-2"))


def test_a_token_that_is_stored_between_two_writes_of_a_closing_is_outlived(
    bench: StoreBench, store: DynamoStore
) -> None:
    store.leases.release(begin(bench, store), RequestOutcome.NOT_APPLIED)
    bench.clock.advance(DAY)
    ends = NOW_S + 2 * DAY
    minter = bench.store("chicksx")

    with before_the_second_write(bench, lambda: bench.issue(minter, session_token(expires_at=ends))):
        assert store.sessions.close(MERCHANT, SESSION, None).new

    assert subject(bench)["expiresAt"] == ends + SESSION_RETENTION
    assert store.leases.state(MERCHANT, SESSION).closed


def test_an_item_that_ends_between_two_writes_of_a_closing_is_made_anew(bench: StoreBench, store: DynamoStore) -> None:
    bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    bench.clock.advance(HOUR + SESSION_RETENTION + 1)
    key = {"pk": {"S": SESSION_PARTITION}, "sk": {"S": "subject"}}

    with before_the_second_write(bench, lambda: bench.dynamodb.delete_item(TableName=bench.table_name, Key=key)):
        assert store.sessions.close(MERCHANT, SESSION, None).new

    assert subject(bench)["expiresAt"] == int(bench.clock.now()) + SESSION_RETENTION


def test_a_session_that_never_holds_still_is_reported_as_not_closed(bench: StoreBench, store: DynamoStore) -> None:
    """Then the caller, or the queue, tries again; nothing is said to be closed that is not."""
    bench.issue(store, session_token(expires_at=NOW_S + HOUR))
    bench.clock.advance(DAY)

    def change(expression: str, values: dict[str, Any]) -> Callable[[], object]:
        key = {"pk": {"S": SESSION_PARTITION}, "sk": {"S": "subject"}}
        wanted = {"TableName": bench.table_name, "Key": key, "UpdateExpression": expression, **values}
        return lambda: bench.dynamodb.update_item(**wanted)

    away = change("REMOVE expiresAt", {})
    early = change("SET expiresAt = :early", {"ExpressionAttributeValues": {":early": {"N": str(NOW_S)}}})
    changes = ([away, early] * MAX_ATTEMPTS)[:-1]
    with before_the_second_write(bench, *changes) as writes, pytest.raises(StorageUnavailable, match="not closed yet"):
        store.sessions.close(MERCHANT, SESSION, None)

    assert len(writes) == 2 * MAX_ATTEMPTS
    assert not store.leases.state(MERCHANT, SESSION).closed
