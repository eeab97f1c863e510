"""Closing a session: from then on it has no token, whoever asks, and the first closing stands."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.surroundings import session_stack
from token_broker.domain.grant import Grant
from token_broker.errors import SessionClosed, StorageUnavailable
from token_broker.tokens.close_session import close_session
from token_broker.tokens.issue import session_token
from token_broker.tokens.serve import session_token as serve_session_token

HOUR = 60 * 60
PROOF = Grant(merchant="acme", session_id="s-1", expires_at=int(NOW) + HOUR, scopes=("read",))


def test_a_session_is_closed_now_by_its_order() -> None:
    stack = session_stack()

    closed = close_session(stack.call(), "acme", "s-1", "order-1")

    assert closed == {"sessionId": "s-1", "closed": True, "closedAt": int(NOW), "orderId": "order-1"}
    assert stack.telemetry.total("SessionsClosed") == 1
    assert stack.telemetry.notices == []


@pytest.mark.parametrize(
    ("order_id", "shown"),
    [
        ("order-1", {"sessionId": "s-1", "closed": True, "closedAt": int(NOW), "orderId": "order-1"}),
        (None, {"sessionId": "s-1", "closed": True, "closedAt": int(NOW)}),
    ],
)
def test_the_answer_says_since_when_and_by_which_order(order_id: str | None, shown: dict[str, object]) -> None:
    assert close_session(session_stack().call(), "acme", "s-1", order_id) == shown


def test_a_session_that_had_a_token_gets_it_no_more() -> None:
    stack = session_stack()
    session_token(stack.call(), "acme", "s-1", None)

    close_session(stack.call(), "acme", "s-1", "order-1")

    with pytest.raises(SessionClosed, match="Restart the checkout"):
        session_token(stack.call(), "acme", "s-1", None)
    assert len(stack.provider.mints) == 1


def test_a_session_that_nobody_has_seen_is_closed_before_it_begins() -> None:
    stack = session_stack()

    close_session(stack.call(), "acme", "s-1", None)

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)
    assert stack.provider.mints == []


def test_who_is_minting_when_the_order_is_placed_gets_nothing() -> None:
    stack = session_stack()
    stack.provider.script = [stack.provider.make_after(lambda: close_session(stack.call(), "acme", "s-1", "order-1"))]

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)

    assert (stack.store.records, stack.store.held_leases, len(stack.provider.mints)) == ({}, 0, 1)


def test_who_waits_for_anothers_mint_when_the_order_is_placed_gets_nothing() -> None:
    stack = session_stack()
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


def test_another_session_goes_on() -> None:
    stack = session_stack()
    close_session(stack.call(), "acme", "s-1", None)

    assert session_token(stack.call(), "acme", "s-2", None)[1]


def test_closed_again_it_stays_as_it_was() -> None:
    stack = session_stack()
    first = close_session(stack.call(), "acme", "s-1", "order-1")
    stack.clock.advance(HOUR)

    assert close_session(stack.call(), "acme", "s-1", "order-1") == first
    assert stack.telemetry.total("SessionsClosed") == 1
    assert stack.telemetry.notices == []


def test_a_second_order_changes_nothing_and_is_noticed() -> None:
    stack = session_stack()
    first = close_session(stack.call(), "acme", "s-1", "order-1")

    assert close_session(stack.call(), "acme", "s-1", "order-2") == first
    assert stack.telemetry.notices == [("session_closed_by_another_order", {"merchant": "acme"})]


@pytest.mark.parametrize(("first", "second"), [(None, "order-1"), ("order-1", None), (None, None)])
def test_an_order_that_only_one_of_two_closings_names_is_nothing_to_notice(
    first: str | None, second: str | None
) -> None:
    stack = session_stack()
    close_session(stack.call(), "acme", "s-1", first)

    assert close_session(stack.call(), "acme", "s-1", second).get("orderId") == first
    assert stack.telemetry.notices == []


@pytest.mark.parametrize("merchant", ["acme", "a-merchant-without-a-secret"])
def test_one_write_is_all_it_takes(merchant: str) -> None:
    """An order is placed also where the secret was taken away meanwhile."""
    stack = session_stack()

    close_session(stack.call(), merchant, "s-1", None)

    assert (stack.store.calls, stack.secrets.reads, stack.provider.mints) == (["sessions.close"], [], [])


def test_a_storage_that_fails_says_so() -> None:
    stack = session_stack()
    stack.store.refuse("sessions.close", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        close_session(stack.call(), "acme", "s-1", None)

    assert stack.telemetry.counts == []


def test_a_storefront_with_a_proof_of_the_session_is_told_that_it_is_closed() -> None:
    stack = session_stack()
    close_session(stack.call(), "acme", "s-1", None)

    with pytest.raises(SessionClosed):
        serve_session_token(stack.call(grant=PROOF), "acme", "s-1")
