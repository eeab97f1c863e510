"""Mint a token under its lease: what was lost or could not be stored is found again, and never made twice."""

from collections.abc import Callable

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider, down, lost, timed_out
from tests.fakes.samples import minted, token
from tests.fakes.store_parts import IN_FLIGHT_GRACE
from tests.fakes.surroundings import ListingStack, Surroundings, one_token_stack, session_stack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import RevocationStatus, State, Token
from token_broker.errors import (
    MintInProgress,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    RequestOutcome,
    SessionClosed,
    StorageUnavailable,
)
from token_broker.tokens.issue import session_token, shop_token, standing_token
from token_broker.tokens.mint import RELEASE_TIME
from token_broker.tokens.revoke import revoke


def current(stack: ListingStack) -> Token:
    return shop_token(stack.call(), "acme")


def standing(stack: ListingStack) -> Token:
    return standing_token(stack.listing_call(), "acme", "Token Broker", "key-1")


def session(stack: Surroundings[ScriptedProvider]) -> Token:
    return session_token(stack.call(), "acme", "s-1", None)[0]


both = pytest.mark.parametrize("mint", [current, standing])


@pytest.fixture
def left_open(stack: ListingStack) -> ListingStack:
    """Build a stack whose first mint took effect unheard. The look-up failed, too."""
    _leave_open(stack, current)
    return stack


def _leave_open(stack: ListingStack, mint: Callable[[ListingStack], Token]) -> None:
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [ProviderUnavailable("The list failed.")]
    with pytest.raises(ProviderUnavailable, match="did not answer in time") as raised:
        mint(stack)
    assert raised.value.__suppress_context__
    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)


# A lost response


@both
@pytest.mark.parametrize("failure", [lost(), ProviderError("No data.", request_outcome=RequestOutcome.UNKNOWN)])
def test_a_lost_answer_is_found_within_the_same_call(
    stack: ListingStack, mint: Callable[[ListingStack], Token], failure: ProviderFailure
) -> None:
    stack.provider.script = [stack.provider.make_and_fail(failure)]

    served = mint(stack)

    assert (served.token_id, served.title) == ("1001", "Token Broker")
    assert (len(stack.provider.mints), len(stack.provider.listed)) == (1, 1)
    assert stack.telemetry.events == ["lost_response_found"]
    assert (stack.store.open_intents, stack.store.records["acme", "shop", "1001"]) == ([], served)


def test_a_lost_answer_that_is_not_found_is_not_asked_for_again(stack: ListingStack) -> None:
    """A list that does not show it yet is no proof that it will not appear."""
    stack.provider.script = [lost()]

    with pytest.raises(ProviderUnavailable):
        current(stack)

    assert (len(stack.provider.mints), stack.provider.list_calls) == (1, 1)
    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)


def test_while_the_provider_may_still_be_acting_the_next_call_waits_before_it_looks(stack: ListingStack) -> None:
    """A look-up, let alone a second create, would come too early."""
    stack.provider.script = [timed_out()]
    with pytest.raises(ProviderUnavailable):
        current(stack)
    (intent,) = stack.store.open_intents
    assert stack.store.held_leases == 1
    late = tag_title("Token Broker", "brokerid", intent)
    stack.clock.plan(IN_FLIGHT_GRACE - 0.1, lambda: stack.provider.put(minted("9"), late))

    assert current(stack).token_id == "9"
    assert len(stack.provider.mints) == 1


def test_a_failure_that_certainly_did_nothing_is_not_looked_up(stack: ListingStack) -> None:
    stack.provider.script = [ProviderError("Refused.")]

    with pytest.raises(ProviderError):
        current(stack)

    assert (stack.provider.list_calls, stack.store.records) == (0, {})
    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)


@both
def test_the_next_call_looks_up_what_was_left_open_before_it_asks(
    stack: ListingStack, mint: Callable[[ListingStack], Token]
) -> None:
    _leave_open(stack, mint)
    stack.provider.failures["list"] = [ProviderRejectedCredentials("No.")]

    served = mint(stack)

    assert (served.token_id, len(stack.provider.mints), len(stack.provider.listed)) == ("1001", 1, 1)
    assert stack.store.open_intents == []
    assert stack.secrets.fresh_reads == 1


def test_a_continued_intent_that_is_not_at_the_provider_is_minted_under_its_own_tag_alone(
    left_open: ListingStack,
) -> None:
    (intent,) = left_open.store.open_intents
    left_open.provider.listed.clear()
    left_open.provider.put(minted("1"), tag_title("Token Broker", "otherone", intent))
    left_open.provider.put(minted("2"), tag_title("Token Broker", "brokerid", "c" * 26))
    left_open.provider.put(minted("3"), "Token Broker")
    left_open.provider.put(minted("4"), f"[tb:brokerid:{intent}]")

    assert current(left_open).token_id == "1002"
    assert (left_open.provider.mints[1][1].title or "").endswith(f":{intent}]")


def test_a_continued_intent_that_cannot_be_looked_up_is_not_minted(left_open: ListingStack) -> None:
    left_open.provider.failures["list"] = [ProviderUnavailable("The list failed.")]

    with pytest.raises(ProviderUnavailable, match="The list failed"):
        current(left_open)

    store = left_open.store
    assert (len(left_open.provider.mints), len(store.open_intents), store.held_leases) == (1, 1, 0)


def test_a_continued_intent_stays_open_when_the_provider_refuses_now(left_open: ListingStack) -> None:
    """The refusal says nothing of what the first try did."""
    left_open.provider.listed.clear()
    left_open.provider.script = [ProviderError("Refused.")]

    with pytest.raises(ProviderError):
        current(left_open)

    assert len(left_open.store.open_intents) == 1


def test_a_lost_answers_token_that_is_being_revoked_already_is_not_what_the_intent_leads_to(
    left_open: ListingStack,
) -> None:
    """An operator deleted it from the list: the shop gets another one, and does not wait for the end of that one."""
    left_open.provider.failures["revoke"] = [down()]
    assert revoke(left_open.listing_call(), "acme", "1001") is RevocationStatus.PENDING

    assert current(left_open).token_id != "1001"

    assert left_open.store.records["acme", "shop", "1001"].state is State.REVOKING
    assert left_open.store.open_intents == []


def test_a_lost_session_token_cannot_be_looked_up_and_the_next_call_asks_again() -> None:
    stack = session_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        session(stack)
    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)

    _, created = session_token(stack.call(), "acme", "s-1", None)

    assert created
    assert stack.store.open_intents == []


def test_a_provider_with_one_token_a_shop_is_simply_asked_again() -> None:
    stack = one_token_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    assert shop_token(stack.call(), "acme").issued_at == int(NOW)


# A token that could not be stored


def test_our_own_name_that_cannot_be_read_means_no_mint(stack: ListingStack) -> None:
    stack.store.refuse("tokens.broker_id", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        current(stack)

    assert (stack.provider.mints, stack.store.held_leases) == ([], 0)


def test_a_holder_whose_lease_was_lost_stores_serves_and_frees_nothing(stack: ListingStack) -> None:
    stack.store.before["leases.commit"].append(stack.store.lose_leases)

    with pytest.raises(MintInProgress):
        current(stack)

    assert (stack.store.records, stack.cache.get("acme")) == ({}, None)
    assert stack.store.subjects["acme", "shop"].owner == "somebody-else"


def test_what_was_minted_and_not_stored_is_noticed_by_its_fingerprint(stack: ListingStack) -> None:
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        current(stack)

    (intent,) = stack.store.open_intents
    noticed = {"code": "storage_unavailable", "intent": intent, "fingerprint": token("1001").digest}
    assert stack.telemetry.notices == [("minted_but_not_stored", noticed)]
    assert stack.telemetry.total("TokensIssued") == 0


@both
@pytest.mark.parametrize("after", [False, True])
def test_what_could_not_be_stored_or_whose_storing_was_not_heard_is_what_the_next_call_gives(
    stack: ListingStack, mint: Callable[[ListingStack], Token], *, after: bool
) -> None:
    stack.store.refuse("leases.commit", StorageUnavailable("Down."), after=after)
    with pytest.raises(StorageUnavailable):
        mint(stack)
    assert len(stack.store.open_intents) == (0 if after else 1)

    assert mint(stack).token_id == "1001"
    assert (len(stack.provider.mints), stack.store.open_intents) == (1, [])


@pytest.mark.parametrize(("seconds", "freed"), [(RELEASE_TIME + 0.1, True), (RELEASE_TIME, False)])
def test_a_storage_that_has_failed_is_asked_again_only_while_there_is_time_for_it(
    stack: ListingStack, seconds: float, *, freed: bool
) -> None:
    """Otherwise the lease ends by itself."""
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(seconds=seconds), "acme")

    assert ("leases.release" in stack.store.calls) is freed
    assert (stack.store.held_leases, len(stack.store.open_intents)) == (0 if freed else 1, 1)


def test_a_lease_that_cannot_be_freed_is_noticed_and_the_first_failure_reported(stack: ListingStack) -> None:
    stack.provider.script = [ProviderError("The first failure.")]
    stack.store.refuse("leases.release", StorageUnavailable("Down."))

    with pytest.raises(ProviderError, match="The first failure"):
        current(stack)

    (intent,) = stack.store.open_intents
    assert stack.telemetry.notices == [("lease_not_released", {"code": StorageUnavailable.code, "intent": intent})]


@pytest.mark.parametrize("closes", [False, True])
def test_a_session_that_closed_during_the_mint_or_whose_storage_refuses_gives_no_token(*, closes: bool) -> None:
    stack = session_stack()
    if closes:
        stack.store.before["leases.commit"].append(lambda: stack.store.close_at_once("acme", "s-1"))
    else:
        stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(SessionClosed if closes else StorageUnavailable):
        session(stack)

    assert (stack.store.records, stack.store.held_leases) == ({}, 0)


def test_an_id_of_another_token_is_not_believed(stack: ListingStack) -> None:
    stack.store.keep(token("7", state=State.STANDING))
    stack.provider.script = [minted("7", access_token="another-value")]

    with pytest.raises(ProviderError, match="belongs to another token"):
        current(stack)

    assert stack.store.records["acme", "shop", "7"].access_token == "value-of-7"


def test_a_provider_that_outlasts_the_lease_cannot_have_its_token_stored_over_anothers(stack: ListingStack) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: stack.clock.advance(41))]
    stack.store.before["leases.commit"].append(lambda: current(stack))

    with pytest.raises(MintInProgress):
        current(stack)

    assert stack.store.records["acme", "shop", "1001"].state is State.CURRENT
    assert len(stack.provider.mints) == 1
