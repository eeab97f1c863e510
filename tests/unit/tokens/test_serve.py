"""What a storefront gets of the product: the shop's current token, or the token of the session that it proved."""

from collections.abc import Callable

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider
from tests.fakes.samples import minted, token
from tests.fakes.surroundings import Surroundings, listing_stack, one_token_stack, session_stack
from token_broker.domain.grant import CLOCK_SKEW, Grant
from token_broker.domain.token import Token
from token_broker.errors import (
    BrokerError,
    Conflict,
    Forbidden,
    ProviderRejectedCredentials,
    SessionClosed,
    Unauthenticated,
)
from token_broker.ports.provider import MintRequest
from token_broker.tokens.serve import session_token, shop_token

PAGE = Grant(merchant="acme", origins=("https://shop.example",))
ALLOWED = ("wallet.read", "merchant.read")
PROOF = Grant(merchant="acme", session_id="s-1", expires_at=int(NOW) + 600, scopes=ALLOWED)
HOUR = int(NOW) + 3600

type Stack = Surroundings[ScriptedProvider]


@pytest.fixture
def stack() -> Stack:
    """Build a provider of session tokens, and the proof of session s-1 of merchant acme."""
    return session_stack()


def ask(
    stack: Stack, session_id: str = "s-1", scope: tuple[str, ...] | None = None, *, merchant: str = "acme"
) -> tuple[Token, bool]:
    """Ask as a storefront, with the proof of session s-1."""
    return session_token(stack.call(grant=PROOF), merchant, session_id, scope)


def by_backend(stack: Stack, scope: tuple[str, ...] | None = None) -> Token:
    """Ask for the same session as the merchant's backend."""
    return session_token(stack.call(), "acme", "s-1", scope)[0]


def untouched(stack: Stack) -> bool:
    """Whether nothing was looked up, stored or asked for."""
    return (stack.store.calls, stack.secrets.reads, stack.provider.mints) == ([], [], [])


# Sessions


def test_without_scopes_exactly_those_of_the_policy_are_asked_for(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=ALLOWED, expires_at=HOUR)]

    served, created = ask(stack)

    assert created
    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=ALLOWED)
    assert (served.subject, served.requested_scope) == ("session:s-1", ALLOWED)


def test_fewer_scopes_may_be_asked_for(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=("wallet.read",), expires_at=HOUR)]

    ask(stack, scope=("wallet.read",))

    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=("wallet.read",))


@pytest.mark.parametrize("scope", [("admin",), (*ALLOWED, "admin")])
def test_scopes_beyond_the_policy_are_refused_before_anything_happens(stack: Stack, scope: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden):
        ask(stack, scope=scope)

    assert untouched(stack)


@pytest.mark.parametrize(("merchant", "session_id"), [("acme", "s-2"), ("other", "s-1")])
def test_another_session_or_merchant_is_refused_before_anything_happens(
    stack: Stack, merchant: str, session_id: str
) -> None:
    with pytest.raises(Forbidden):
        ask(stack, session_id, merchant=merchant)

    assert untouched(stack)


def test_a_proof_that_has_ended_is_refused_before_anything_happens(stack: Stack) -> None:
    stack.clock.advance(600 + CLOCK_SKEW)

    with pytest.raises(Unauthenticated):
        ask(stack)

    assert untouched(stack)


def test_a_page_without_a_proof_gets_no_session(stack: Stack) -> None:
    with pytest.raises(Forbidden):
        session_token(stack.call(grant=PAGE), "acme", "s-1")

    assert untouched(stack)


def test_the_sessions_token_is_given_again_whoever_asked_first(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=("wallet.read",), expires_at=HOUR)]
    first = by_backend(stack, ("wallet.read",))

    assert ask(stack) == (first, False)
    assert ask(stack, scope=("wallet.read",)) == (first, False)
    assert len(stack.provider.mints) == 1


def test_a_token_that_has_more_than_the_policy_allows_is_not_handed_over(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=("wallet.read", "admin"), expires_at=HOUR)]
    by_backend(stack)

    with pytest.raises(Forbidden):
        ask(stack)

    assert len(stack.provider.mints) == 1, "and none is made beside it"


def test_a_token_of_whose_scopes_nothing_is_known_is_not_handed_over(stack: Stack) -> None:
    """The backend left the choice to a provider that does not say what it chose."""
    stack.provider.script = [minted("1", scope=(), expires_at=HOUR)]
    by_backend(stack)

    with pytest.raises(Forbidden):
        ask(stack)


def test_a_new_token_that_was_granted_more_than_asked_for_is_stored_and_not_handed_over(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=("wallet.read", "admin"), expires_at=HOUR)]

    with pytest.raises(Forbidden):
        ask(stack)

    assert by_backend(stack).token_id == "1"
    assert stack.store.open_intents == []


def test_other_scopes_than_the_sessions_token_has_are_a_conflict(stack: Stack) -> None:
    stack.provider.script = [minted("1", scope=ALLOWED, expires_at=HOUR)]
    ask(stack)

    with pytest.raises(Conflict):
        ask(stack, scope=("wallet.read",))


def test_a_closed_session_gets_no_token(stack: Stack) -> None:
    stack.store.close_at_once("acme", "s-1")

    with pytest.raises(SessionClosed):
        ask(stack)


def test_a_backend_is_bound_by_no_policy(stack: Stack) -> None:
    by_backend(stack, ("admin",))

    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=("admin",))


# The shop's token


def test_a_page_gets_the_shops_token_and_a_second_one_from_memory() -> None:
    stack = one_token_stack()

    first = shop_token(stack.call(grant=PAGE), "acme")
    stack.store.calls.clear()
    stack.secrets.reads.clear()

    assert shop_token(stack.call(grant=PAGE), "acme") == first
    assert (stack.store.calls, stack.secrets.reads, len(stack.provider.mints)) == ([], [], 1)


@pytest.mark.parametrize(("grant", "merchant"), [(PAGE, "other"), (PROOF, "acme"), (PROOF, "other")])
def test_neither_another_merchants_page_nor_a_proof_gets_it(grant: Grant, merchant: str) -> None:
    stack = one_token_stack()
    stack.cache.put("other", token(merchant="other"), read_at=stack.clock.monotonic())

    with pytest.raises(Forbidden):
        shop_token(stack.call(grant=grant), merchant)

    assert untouched(stack)


def test_a_page_gets_the_current_token_of_a_provider_that_lists() -> None:
    stack = listing_stack()

    assert shop_token(stack.listing_call(grant=PAGE), "acme").title == "Token Broker"


@pytest.mark.parametrize(
    "failing",
    [
        lambda stack: ask(stack, "s-2"),
        lambda stack: ask(stack, scope=("admin",)),
        lambda stack: ask(stack, merchant="other"),
    ],
    ids=["session", "scope", "merchant"],
)
def test_no_refusal_says_what_the_policy_allows(stack: Stack, failing: Callable[[Stack], object]) -> None:
    with pytest.raises(BrokerError) as refused:
        failing(stack)

    assert not [word for word in ("wallet", "merchant.read", "acme", "s-1") if word in refused.value.detail]


def test_pages_do_not_drive_requests_with_refused_credentials_to_the_provider() -> None:
    """An origin is no secret: anybody can ask again and again. The merchant's backend has IAM, and is not held up."""
    stack = one_token_stack()
    stack.provider.script = [ProviderRejectedCredentials("No.")] * 8

    for _ in range(5):
        with pytest.raises(ProviderRejectedCredentials):
            shop_token(stack.call(grant=PAGE), "acme")
    asked = len(stack.provider.mints)
    with pytest.raises(ProviderRejectedCredentials):
        shop_token(stack.call(), "acme")

    assert (asked, len(stack.provider.mints)) == (2, 4), "once, and once more with the secret read again"
