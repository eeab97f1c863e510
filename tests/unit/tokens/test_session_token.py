"""The token of one checkout session: one a session, with the scopes it was asked for, until the order is placed."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import minted, token
from tests.fakes.store_parts import Mint
from tests.fakes.surroundings import CALLER, session_stack
from token_broker.errors import Conflict, MerchantNotFound, SessionClosed
from token_broker.ports.provider import MintRequest
from token_broker.tokens.issue import session_token


def test_a_session_gets_a_new_token_for_its_scopes() -> None:
    stack = session_stack()

    served, created = session_token(stack.call(), "acme", "s-1", ("wallet.read",))

    assert created
    assert (served.subject, served.requested_scope, served.requested_by) == ("session:s-1", ("wallet.read",), CALLER)
    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=("wallet.read",))


def test_asking_again_gives_the_same_token() -> None:
    stack = session_stack()
    first, _ = session_token(stack.call(), "acme", "s-1", None)

    again, created = session_token(stack.call(), "acme", "s-1", None)

    assert (again, created, len(stack.provider.mints)) == (first, False, 1)
    assert stack.telemetry.total("TokensServedFromStore") == 1


def test_session_tokens_are_never_kept_in_memory() -> None:
    stack = session_stack()
    session_token(stack.call(), "acme", "s-1", None)
    stack.store.calls.clear()

    session_token(stack.call(), "acme", "s-1", None)

    assert stack.store.calls == ["leases.state"]
    assert stack.cache.get("acme") is None


@pytest.mark.parametrize(("left", "anew"), [(61, False), (60, True), (-1, True)])
def test_a_token_is_given_again_while_more_than_the_margin_is_left(left: int, *, anew: bool) -> None:
    stack = session_stack()
    session_token(stack.call(), "acme", "s-1", None)
    stack.clock.advance(3600 - left)

    assert session_token(stack.call(), "acme", "s-1", None)[1] is anew


def test_of_two_tokens_the_one_that_lasts_longer_is_served() -> None:
    stack = session_stack()
    for number, left in (("1", 3600), ("2", 100)):
        stack.store.keep(token(number, subject="session:s-1", expires_at=int(NOW) + left))

    assert session_token(stack.call(), "acme", "s-1", None)[0].token_id == "1"


def test_a_closed_session_gets_no_token_and_the_provider_is_not_asked() -> None:
    stack = session_stack()
    stack.store.close_at_once("acme", "s-1")

    with pytest.raises(SessionClosed, match="Restart the checkout"):
        session_token(stack.call(), "acme", "s-1", None)

    assert stack.provider.mints == []


def test_a_session_that_has_a_token_gets_it_no_more_once_it_is_closed() -> None:
    stack = session_stack()
    session_token(stack.call(), "acme", "s-1", None)
    stack.store.close_at_once("acme", "s-1")

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)


def test_a_session_that_closes_between_the_look_and_the_lease_gets_no_token() -> None:
    stack = session_stack()
    stack.store.before["leases.acquire"].append(lambda: stack.store.close_at_once("acme", "s-1"))

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)

    assert stack.provider.mints == []


@pytest.mark.parametrize(
    "scope", [None, ("a", "b"), ("b", "a"), ("granted",)], ids=["any", "as asked", "in another order", "as granted"]
)
def test_the_same_scopes_get_the_same_token(scope: tuple[str, ...] | None) -> None:
    stack = session_stack()
    stack.provider.script = [minted("1", scope=("granted",), expires_at=int(NOW) + 3600)]
    session_token(stack.call(), "acme", "s-1", ("a", "b"))

    assert session_token(stack.call(), "acme", "s-1", scope)[0].token_id == "1"


@pytest.mark.parametrize("scope", [("a",), ("a", "b", "c"), ("granted", "a")])
def test_other_scopes_are_a_conflict(scope: tuple[str, ...]) -> None:
    stack = session_stack()
    stack.provider.script = [minted("1", scope=("granted",), expires_at=int(NOW) + 3600)]
    session_token(stack.call(), "acme", "s-1", ("a", "b"))

    with pytest.raises(Conflict, match="other scopes"):
        session_token(stack.call(), "acme", "s-1", scope)

    assert len(stack.provider.mints) == 1


def test_an_unknown_merchant_leaves_nothing_in_the_store() -> None:
    stack = session_stack()

    with pytest.raises(MerchantNotFound):
        session_token(stack.call(), "nobody", "s-1", None)

    assert stack.store.subjects == {}


def test_the_intent_of_a_sessions_mint_names_who_asked() -> None:
    stack = session_stack()
    seen: list[str] = []
    work = stack.store.subjects["acme", "session:s-1"] = Mint()
    stack.provider.script = [stack.provider.make_after(lambda: seen.append(work.requested_by))]

    session_token(stack.call(caller="arn:aws:iam::1:role/till"), "acme", "s-1", None)

    assert seen == ["arn:aws:iam::1:role/till"]
