"""Closing a session: from then on it has no token, whoever asks, and the first closing stands."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider
from tests.fakes.surroundings import Surroundings, session_stack
from token_broker.errors import SessionClosed, StorageUnavailable
from token_broker.tokens.close_session import close_session
from token_broker.tokens.issue import session_token

type Stack = Surroundings[ScriptedProvider]


@pytest.fixture
def stack() -> Stack:
    """Build a stack whose provider has tokens for checkout sessions."""
    return session_stack()


@pytest.mark.parametrize("merchant", ["acme", "a-merchant-without-a-secret"])
@pytest.mark.parametrize("order", [{"orderId": "order-1"}, {}])
def test_a_session_is_closed_now_by_its_order_with_one_write(
    stack: Stack, merchant: str, order: dict[str, str]
) -> None:
    """An order is placed also where the secret was taken away meanwhile."""
    closed = close_session(stack.call(), merchant, "s-1", order.get("orderId"))

    assert closed == {"sessionId": "s-1", "closed": True, "closedAt": int(NOW), **order}
    assert (stack.store.calls, stack.secrets.reads, stack.provider.mints) == (["sessions.close"], [], [])
    assert stack.telemetry.total("SessionsClosed") == 1
    assert stack.telemetry.notices == []


@pytest.mark.parametrize("seen", [True, False])
def test_a_closed_session_gets_no_token_whether_it_had_one_or_not_and_another_goes_on(
    stack: Stack, *, seen: bool
) -> None:
    if seen:
        session_token(stack.call(), "acme", "s-1", None)

    close_session(stack.call(), "acme", "s-1", "order-1")

    with pytest.raises(SessionClosed, match="Restart the checkout"):
        session_token(stack.call(), "acme", "s-1", None)
    assert len(stack.provider.mints) == seen
    assert session_token(stack.call(), "acme", "s-2", None)[1]


def test_who_mints_or_waits_when_the_order_is_placed_gets_nothing(stack: Stack) -> None:
    stack.clock.plan(0.1, lambda: close_session(stack.call(), "acme", "s-1", "order-1"))
    waited: list[SessionClosed] = []

    def wait() -> None:
        """Call a second time while the first caller waits for the provider."""
        with pytest.raises(SessionClosed) as refused:
            session_token(stack.call(), "acme", "s-1", None)
        waited.append(refused.value)

    stack.provider.script = [stack.provider.make_after(wait)]

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)

    assert (len(waited), len(stack.provider.mints)) == (1, 1)
    assert (stack.store.records, stack.store.held_leases) == ({}, 0)
    (event, fields) = stack.telemetry.notices[0]
    assert (event, fields["code"]) == ("minted_but_not_stored", "session_closed")


@pytest.mark.parametrize(
    ("first", "second", "noticed"),
    [
        ("order-1", "order-1", []),
        ("order-1", "order-2", [("session_closed_by_another_order", {"merchant": "acme"})]),
        *((first, second, []) for first, second in ((None, "order-1"), ("order-1", None), (None, None))),
    ],
)
def test_closed_again_it_stays_as_it_was_and_a_second_order_is_noticed(
    stack: Stack, first: str | None, second: str | None, noticed: list[object]
) -> None:
    closed = close_session(stack.call(), "acme", "s-1", first)
    stack.clock.advance(60 * 60)

    assert close_session(stack.call(), "acme", "s-1", second) == closed
    assert stack.telemetry.total("SessionsClosed") == 1
    assert stack.telemetry.notices == noticed


def test_a_storage_that_fails_says_so(stack: Stack) -> None:
    stack.store.refuse("sessions.close", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        close_session(stack.call(), "acme", "s-1", None)

    assert stack.telemetry.counts == []
