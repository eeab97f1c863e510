"""The token of one checkout session: one a session, with the scopes it was asked for, until the order is placed."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider
from tests.fakes.samples import minted, token
from tests.fakes.store_parts import Mint
from tests.fakes.surroundings import CALLER, Surroundings, session_stack
from token_broker.domain.token import Token
from token_broker.errors import Conflict, MerchantNotFound, SessionClosed
from token_broker.ports.provider import MintRequest
from token_broker.tokens.issue import session_token

type Stack = Surroundings[ScriptedProvider]
type Scope = tuple[str, ...] | None


@pytest.fixture
def stack() -> Stack:
    """Build a stack whose provider has tokens for checkout sessions."""
    return session_stack()


def ask(stack: Stack, scope: Scope = None, caller: str = CALLER) -> tuple[Token, bool]:
    return session_token(stack.call(caller), "acme", "s-1", scope)


def test_a_session_gets_a_new_token_for_its_scopes_and_the_same_one_again(stack: Stack) -> None:
    served, created = ask(stack, ("wallet.read",))

    assert created
    assert (served.subject, served.requested_scope, served.requested_by) == ("session:s-1", ("wallet.read",), CALLER)
    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=("wallet.read",))

    stack.store.calls.clear()
    assert ask(stack) == (served, False)
    assert stack.telemetry.total("TokensServedFromStore") == 1
    assert stack.store.calls == ["leases.state"], "session tokens are never kept in memory"
    assert (stack.cache.get("acme"), len(stack.provider.mints)) == (None, 1)


@pytest.mark.parametrize(("left", "anew"), [(61, False), (60, True), (-1, True)])
def test_a_token_is_given_again_while_more_than_the_margin_is_left(stack: Stack, left: int, *, anew: bool) -> None:
    ask(stack)
    stack.clock.advance(3600 - left)

    assert ask(stack)[1] is anew


def test_of_two_tokens_the_one_that_lasts_longer_is_served(stack: Stack) -> None:
    for number, left in (("1", 3600), ("2", 100)):
        stack.store.keep(token(number, subject="session:s-1", expires_at=int(NOW) + left))

    assert ask(stack)[0].token_id == "1"


def test_a_session_that_closes_between_the_look_and_the_lease_gets_no_token(stack: Stack) -> None:
    stack.store.before["leases.acquire"].append(lambda: stack.store.close_at_once("acme", "s-1"))

    with pytest.raises(SessionClosed):
        ask(stack)

    assert stack.provider.mints == []


@pytest.mark.parametrize(
    ("scope", "same"),
    [
        *((scope, True) for scope in (None, ("a", "b"), ("b", "a"), ("granted",))),
        *((scope, False) for scope in (("a",), ("a", "b", "c"), ("granted", "a"))),
    ],
)
def test_the_scopes_as_asked_for_or_as_granted_get_the_same_token(stack: Stack, scope: Scope, *, same: bool) -> None:
    stack.provider.script = [minted("1", scope=("granted",), expires_at=int(NOW) + 3600)]
    ask(stack, ("a", "b"))

    if same:
        assert ask(stack, scope)[0].token_id == "1"
    else:
        with pytest.raises(Conflict, match="other scopes"):
            ask(stack, scope)
    assert len(stack.provider.mints) == 1


def test_an_unknown_merchant_leaves_nothing_in_the_store(stack: Stack) -> None:
    with pytest.raises(MerchantNotFound):
        session_token(stack.call(), "nobody", "s-1", None)

    assert stack.store.subjects == {}


def test_the_intent_of_a_sessions_mint_names_who_asked(stack: Stack) -> None:
    seen: list[str] = []
    work = stack.store.subjects["acme", "session:s-1"] = Mint()
    stack.provider.script = [stack.provider.make_after(lambda: seen.append(work.requested_by))]

    ask(stack, caller="arn:aws:iam::1:role/till")

    assert seen == ["arn:aws:iam::1:role/till"]
