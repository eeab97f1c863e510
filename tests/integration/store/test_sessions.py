"""Closing a session: one item that outlives every token of the session, and that no mint gets past."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.store_harness import (
    DAY,
    MERCHANT,
    NOW_S,
    SESSION,
    SESSION_PARTITION,
    StoreBench,
    Stores,
    session_token,
)
from token_broker.aws.store.sessions import MAX_ATTEMPTS
from token_broker.aws.store.token_store import SESSION_RETENTION, DynamoStore
from token_broker.domain.leases import SubjectState
from token_broker.domain.pending import SessionClosure
from token_broker.domain.token import session_subject
from token_broker.errors import RequestOutcome, SessionClosed, StorageUnavailable

HOUR = 60 * 60
ENDS_SOON = session_token(expires_at=NOW_S + HOUR)


def close(stores: Stores, order_id: str | None = None, subject: str = SESSION) -> SessionClosure:
    return stores.store().sessions.close(MERCHANT, subject, order_id)


@pytest.mark.parametrize("first", ["order-1", None])
def test_the_first_closing_stands_and_is_told_once(sessions: Stores, first: str | None) -> None:
    assert close(sessions, first) == SessionClosure(closed_at=NOW_S, order_id=first, new=True)
    sessions.clock.advance(DAY)
    before = sessions.contents()

    for order_id in ("order-1", "order-2", None):
        assert close(sessions, order_id) == SessionClosure(closed_at=NOW_S, order_id=first, new=False)

    assert sessions.contents() == before
    members = ("provider", "merchant", "sessionId", "orderId", "closedAt", "occurredAt")
    assert sessions.told(*members) == [("SessionClosed", "chicksx", MERCHANT, "s-1", first, NOW_S, NOW_S)]


@pytest.mark.parametrize(
    "session_id",
    ["#", "a#b", "a b", " a", "a ", "subject", "token#1", "a/b", "é", "日本語", "🛒", "session:s-1", "🛒" * 256],
)
def test_any_id_is_a_session_of_its_own(sessions: Stores, session_id: str) -> None:
    closed, others = session_subject(session_id), [f"{session_id}x", session_id[:-1], "s-1"]

    close(sessions, subject=closed)

    assert sessions.state(closed).closed
    assert not any(sessions.state(session_subject(other)).closed for other in others)
    assert not sessions.store().leases.state("another", closed).closed


def test_a_token_of_before_is_known_and_closed_goes_before_it(sessions: Stores) -> None:
    issued = sessions.issue(session_token())
    close(sessions)

    assert sessions.state() == SubjectState(token=issued, closed=True, fence=2)


# In the table


@pytest.fixture
def shop(bench: StoreBench) -> StoreBench:
    """Return the table of the provider with checkout sessions."""
    return bench.of("chicksx")


def subject(shop: StoreBench) -> dict[str, Any]:
    """Return the session's own item without its keys."""
    return {name: value for name, value in shop.item("subject", SESSION_PARTITION).items() if name not in ("pk", "sk")}


@pytest.mark.parametrize("order_id", ["order-1", None])
def test_a_session_that_nobody_has_seen_is_closed_by_one_write(shop: StoreBench, order_id: str | None) -> None:
    with counted(shop.dynamodb) as calls:
        close(shop, order_id)

    assert calls == ["TransactWriteItems"]
    order = {} if order_id is None else {"orderId": order_id}
    assert subject(shop) == {"closedAt": NOW_S, "expiresAt": NOW_S + SESSION_RETENTION, **order}
    assert len(shop.items()) == 1


def test_closed_outlives_the_token_by_the_retention(shop: StoreBench) -> None:
    """The TTL was late enough already, and stays: still one write."""
    shop.issue(ENDS_SOON)
    record = shop.item("token#jti-1", SESSION_PARTITION)

    with counted(shop.dynamodb) as calls:
        close(shop, "order-1")

    assert calls == ["TransactWriteItems"]
    assert subject(shop)["expiresAt"] == NOW_S + HOUR + SESSION_RETENTION
    assert shop.item("token#jti-1", SESSION_PARTITION) == record


@pytest.mark.parametrize("after", [HOUR + 1, 20 * DAY, SESSION_RETENTION + 2 * DAY])
def test_closed_is_remembered_for_the_whole_retention_where_the_token_has_ended(shop: StoreBench, after: int) -> None:
    """Also where the TTL has passed and the item is still there: DynamoDB deletes late."""
    shop.issue(ENDS_SOON)
    shop.clock.advance(after)

    with counted(shop.dynamodb) as calls:
        closure = close(shop)

    assert len(calls) <= 3
    assert (closure.closed_at, closure.new) == (NOW_S + after, True)
    assert subject(shop)["expiresAt"] == NOW_S + after + SESSION_RETENTION


@pytest.mark.parametrize("outcome", RequestOutcome)
def test_a_mint_that_came_to_nothing_shortens_nothing(shop: StoreBench, outcome: RequestOutcome) -> None:
    shop.store().leases.release(shop.begin(), outcome)
    shop.clock.advance(DAY)

    close(shop)

    assert subject(shop)["expiresAt"] == NOW_S + DAY + SESSION_RETENTION


def test_the_retention_is_the_stacks(shop: StoreBench) -> None:
    store = DynamoStore(shop.table(), provider="chicksx", clock=shop.clock, session_retention=7 * DAY)

    store.sessions.close(MERCHANT, SESSION, None)

    assert subject(shop)["expiresAt"] == NOW_S + 7 * DAY


def test_a_closed_session_has_no_lease_and_keeps_its_intent(shop: StoreBench) -> None:
    mint = shop.begin()

    close(shop, "order-1")

    item = subject(shop)
    assert not {"owner", "leaseEnd"} & set(item)
    assert (item["intentId"], item["expiresAt"]) == (mint.intent_id, NOW_S + SESSION_RETENTION)


def test_closing_during_the_mint_wins_even_where_the_lease_was_left_alone(shop: StoreBench) -> None:
    mint = shop.begin()
    shop.change("subject", "SET closedAt = :now", SESSION_PARTITION, now=1)

    with pytest.raises(SessionClosed):
        shop.store().leases.commit(mint, session_token())
    shop.store().leases.release(mint, RequestOutcome.UNKNOWN)

    assert "expiresAt" not in subject(shop)  # the close keeps its own retention


# At once with others


def meanwhile(shop: StoreBench, *actions: Callable[[], object]) -> AbstractContextManager[list[str]]:
    """Let something happen before each write of a closing but the first."""
    return shop.meanwhile("TransactWriteItems", *actions, before=2)


def test_of_two_closings_at_once_one_stands(shop: StoreBench) -> None:
    shop.issue(ENDS_SOON)
    shop.clock.advance(DAY)

    with meanwhile(shop, partial(close, shop, "order-2")) as writes:
        closure = close(shop, "order-1")

    assert len(writes) == 2
    assert closure == SessionClosure(closed_at=NOW_S + DAY, order_id="order-2", new=False)
    assert subject(shop)["orderId"] == "order-2"


def test_a_mint_that_begins_between_two_writes_of_a_closing_is_closed_out(shop: StoreBench) -> None:
    """It takes the TTL away, which then must come back."""
    shop.issue(ENDS_SOON)
    shop.clock.advance(DAY)

    with meanwhile(shop, partial(shop.begin, "owner-2")) as writes:
        assert close(shop).new

    assert len(writes) == 3
    assert subject(shop)["expiresAt"] == NOW_S + DAY + SESSION_RETENTION
    assert shop.state().lease_expires_at == 0


def test_a_token_that_is_stored_between_two_writes_of_a_closing_is_outlived(shop: StoreBench) -> None:
    shop.store().leases.release(shop.begin(), RequestOutcome.NOT_APPLIED)
    shop.clock.advance(DAY)
    ends = NOW_S + 2 * DAY

    with meanwhile(shop, partial(shop.issue, session_token(expires_at=ends))):
        assert close(shop).new

    assert subject(shop)["expiresAt"] == ends + SESSION_RETENTION
    assert shop.state().closed


def test_an_item_that_ends_between_two_writes_of_a_closing_is_made_anew(shop: StoreBench) -> None:
    shop.issue(ENDS_SOON)
    shop.clock.advance(HOUR + SESSION_RETENTION + 1)

    with meanwhile(shop, partial(shop.delete, "subject", SESSION_PARTITION)):
        assert close(shop).new

    assert subject(shop)["expiresAt"] == int(shop.clock.now()) + SESSION_RETENTION


def test_a_session_that_never_holds_still_is_reported_as_not_closed(shop: StoreBench) -> None:
    """Then the caller, or the queue, tries again; nothing is said to be closed that is not."""
    shop.issue(ENDS_SOON)
    shop.clock.advance(DAY)
    away = partial(shop.change, "subject", "REMOVE expiresAt", SESSION_PARTITION)
    early = partial(shop.change, "subject", "SET expiresAt = :early", SESSION_PARTITION, early=NOW_S)

    changes = ([away, early] * MAX_ATTEMPTS)[:-1]
    with meanwhile(shop, *changes) as writes, pytest.raises(StorageUnavailable, match="not closed yet"):
        close(shop)

    assert len(writes) == 2 * MAX_ATTEMPTS
    assert not shop.state().closed
