"""What a storefront gets of the product: the shop's current token, or the token of the session that it proved."""

from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider
from tests.fakes.samples import minted, token
from tests.fakes.surroundings import Surroundings, listing_stack, one_token_stack, session_stack
from token_broker.domain.grant import CLOCK_SKEW, Grant
from token_broker.domain.token import Token
from token_broker.errors import Forbidden, ProviderRejectedCredentials, Unauthenticated
from token_broker.ports.provider import MintRequest
from token_broker.tokens.serve import session_token, shop_token

PAGE = Grant(merchant="acme", origins=("https://shop.example",))
ALLOWED = ("wallet.read", "merchant.read")
PROOF = Grant(merchant="acme", session_id="s-1", expires_at=int(NOW) + 600, scopes=ALLOWED)
HOUR = int(NOW) + 3600

type Stack = Surroundings[ScriptedProvider]


@pytest.fixture
def stack() -> Stack:
    """Build a provider of session tokens."""
    return session_stack()


def grant_scopes(stack: Stack, *scope: str) -> None:
    """Have the provider grant these scopes, whatever is asked for."""
    stack.provider.script = [minted("1", scope=scope, expires_at=HOUR)]


def ask(
    stack: Stack,
    session_id: str = "s-1",
    scope: tuple[str, ...] | None = None,
    *,
    merchant: str = "acme",
    grant: Grant = PROOF,
) -> tuple[Token, bool]:
    """Ask as a storefront, with the proof of session s-1."""
    return session_token(stack.call(grant=grant), merchant, session_id, scope)


def by_backend(stack: Stack, scope: tuple[str, ...] | None = None) -> Token:
    """Ask for the same session as the merchant's backend, which no policy limits."""
    return session_token(stack.call(), "acme", "s-1", scope)[0]


def untouched(stack: Stack) -> bool:
    """Whether nothing was looked up, stored or asked for."""
    return (stack.store.calls, stack.secrets.reads, stack.provider.mints) == ([], [], [])


# Sessions


@pytest.mark.parametrize(("scope", "asked"), [(None, ALLOWED), (("wallet.read",), ("wallet.read",))])
def test_the_scopes_of_the_policy_or_fewer_are_asked_for(
    stack: Stack, scope: tuple[str, ...] | None, asked: tuple[str, ...]
) -> None:
    grant_scopes(stack, *asked)

    served, created = ask(stack, scope=scope)

    assert created
    assert stack.provider.mints[0][1] == MintRequest(session_id="s-1", scope=asked)
    assert (served.subject, served.requested_scope) == ("session:s-1", asked)


@pytest.mark.parametrize(
    "asked",
    [
        *({"scope": scope} for scope in (("admin",), (*ALLOWED, "admin"))),
        *({"session_id": "s-2"}, {"merchant": "other"}, {"grant": PAGE}),
    ],
)
def test_more_than_the_proof_and_the_policy_allow_is_refused_before_anything_happens(
    stack: Stack, asked: dict[str, Any]
) -> None:
    with pytest.raises(Forbidden) as refused:
        ask(stack, **asked)

    assert untouched(stack)
    assert not [word for word in ("wallet", "merchant.read", "acme", "s-1") if word in refused.value.detail]


def test_a_proof_that_has_ended_is_refused_before_anything_happens(stack: Stack) -> None:
    stack.clock.advance(600 + CLOCK_SKEW)

    with pytest.raises(Unauthenticated):
        ask(stack)

    assert untouched(stack)


def test_the_sessions_token_is_given_again_whoever_asked_first(stack: Stack) -> None:
    grant_scopes(stack, "wallet.read")
    first = by_backend(stack, ("wallet.read",))

    assert ask(stack) == (first, False)
    assert ask(stack, scope=("wallet.read",)) == (first, False)
    assert len(stack.provider.mints) == 1


@pytest.mark.parametrize("scope", [("wallet.read", "admin"), ()])
def test_a_token_that_has_or_may_have_more_than_the_policy_allows_is_not_handed_over(
    stack: Stack, scope: tuple[str, ...]
) -> None:
    """The backend left the choice to a provider, which may not say what it chose."""
    grant_scopes(stack, *scope)
    by_backend(stack)

    with pytest.raises(Forbidden):
        ask(stack)

    assert len(stack.provider.mints) == 1, "and none is made beside it"


def test_a_new_token_that_was_granted_more_than_asked_for_is_stored_and_not_handed_over(stack: Stack) -> None:
    grant_scopes(stack, "wallet.read", "admin")

    with pytest.raises(Forbidden):
        ask(stack)

    assert by_backend(stack).token_id == "1"
    assert stack.store.open_intents == []


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
    assert shop_token(listing_stack().listing_call(grant=PAGE), "acme").title == "Token Broker"


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
