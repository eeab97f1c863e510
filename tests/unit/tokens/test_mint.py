"""A create whose answer never came is looked up by its mark before anything is asked for again."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import down, lost, timed_out
from tests.fakes.samples import minted
from tests.fakes.store_parts import IN_FLIGHT_GRACE
from tests.fakes.surroundings import ListingSurroundings, listing_stack, one_token_stack, session_stack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import RevocationStatus, State
from token_broker.errors import (
    Conflict,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    RequestOutcome,
    StorageUnavailable,
)
from token_broker.tokens.issue import session_token, shop_token, standing_token
from token_broker.tokens.revoke import revoke


def left_open() -> ListingSurroundings:
    """Build a stack whose first mint took effect unheard. The look-up failed, too."""
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    return stack


def test_a_lost_answer_is_found_within_the_same_call() -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]

    served = shop_token(stack.call(), "acme")

    assert (served.token_id, len(stack.provider.mints), len(stack.provider.listed)) == ("1001", 1, 1)
    assert stack.telemetry.events == ["lost_response_found"]
    assert (stack.store.open_intents, stack.store.records["acme", "shop", "1001"]) == ([], served)


def test_a_success_that_made_no_sense_is_looked_up_too() -> None:
    stack = listing_stack()
    stack.provider.script = [
        stack.provider.make_and_fail(ProviderError("No data.", request_outcome=RequestOutcome.UNKNOWN))
    ]

    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_a_lost_answer_that_is_not_found_is_not_asked_for_again() -> None:
    """A list that does not show it yet is no proof that it will not appear."""
    stack = listing_stack()
    stack.provider.script = [lost()]

    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    assert (len(stack.provider.mints), stack.provider.list_calls) == (1, 1)
    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)


def test_a_look_up_that_fails_reports_the_first_failure_and_keeps_the_intent() -> None:
    stack = listing_stack()
    stack.provider.script = [lost()]
    stack.provider.failures["list"] = [ProviderUnavailable("The list failed.")]

    with pytest.raises(ProviderUnavailable, match="did not answer in time") as raised:
        shop_token(stack.call(), "acme")

    assert raised.value.__suppress_context__
    assert len(stack.store.open_intents) == 1


def test_while_the_provider_may_still_be_acting_the_next_call_waits_before_it_looks() -> None:
    """A look-up, let alone a second create, would come too early."""
    stack = listing_stack()
    stack.provider.script = [timed_out()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    (intent,) = stack.store.open_intents
    assert stack.store.held_leases == 1
    late = tag_title("Token Broker", "brokerid", intent)
    stack.clock.plan(IN_FLIGHT_GRACE - 0.1, lambda: stack.provider.put(minted("9"), late))

    assert shop_token(stack.call(), "acme").token_id == "9"
    assert len(stack.provider.mints) == 1


def test_a_failure_that_certainly_did_nothing_is_not_looked_up() -> None:
    stack = listing_stack()
    stack.provider.script = [ProviderError("Refused.")]

    with pytest.raises(ProviderError):
        shop_token(stack.call(), "acme")

    assert (stack.provider.list_calls, stack.store.open_intents) == (0, [])


def test_the_next_call_looks_up_what_was_left_open_before_it_asks() -> None:
    stack = left_open()

    served = shop_token(stack.call(), "acme")

    assert (served.token_id, len(stack.provider.mints), len(stack.provider.listed)) == ("1001", 1, 1)
    assert stack.store.open_intents == []


def test_the_next_call_continues_the_very_same_intent() -> None:
    stack = left_open()
    (intent,) = stack.store.open_intents
    stack.provider.listed.clear()

    shop_token(stack.call(), "acme")

    assert (stack.provider.mints[1][1].title or "").endswith(f":{intent}]")


def test_a_continued_intent_that_is_not_at_the_provider_is_minted() -> None:
    stack = left_open()
    stack.provider.listed.clear()

    assert shop_token(stack.call(), "acme").token_id == "1002"
    assert len(stack.provider.mints) == 2


def test_a_continued_intent_that_cannot_be_looked_up_is_not_minted() -> None:
    stack = left_open()
    stack.provider.failures["list"] = [ProviderUnavailable("The list failed.")]

    with pytest.raises(ProviderUnavailable, match="The list failed"):
        shop_token(stack.call(), "acme")

    assert (len(stack.provider.mints), len(stack.store.open_intents), stack.store.held_leases) == (1, 1, 0)


def test_a_continued_intent_stays_open_when_the_provider_refuses_now() -> None:
    """The refusal says nothing of what the first try did."""
    stack = left_open()
    stack.provider.listed.clear()
    stack.provider.script = [ProviderError("Refused.")]

    with pytest.raises(ProviderError):
        shop_token(stack.call(), "acme")

    assert len(stack.store.open_intents) == 1


def test_a_look_up_that_is_refused_the_credentials_is_made_once_more_with_the_secret_read_afresh() -> None:
    stack = left_open()
    stack.provider.failures["list"] = [ProviderRejectedCredentials("No.")]

    assert shop_token(stack.call(), "acme").token_id == "1001"
    assert stack.secrets.fresh_reads == 1


def test_another_intents_and_another_stacks_tokens_are_not_taken_for_ours() -> None:
    stack = left_open()
    (intent,) = stack.store.open_intents
    stack.provider.listed.clear()
    stack.provider.put(minted("1"), tag_title("Token Broker", "otherone", intent))
    stack.provider.put(minted("2"), tag_title("Token Broker", "brokerid", "c" * 26))
    stack.provider.put(minted("3"), "Token Broker")
    stack.provider.put(minted("4"), f"[tb:brokerid:{intent}]")

    assert shop_token(stack.call(), "acme").token_id == "1002"


def test_a_standing_token_whose_answer_was_lost_is_found_too() -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]

    served = standing_token(stack.listing_call(), "acme", "My title", None)

    assert (served.token_id, served.title) == ("1001", "My title")
    assert stack.store.standing == {}


def test_a_key_that_comes_again_after_a_lost_answer_looks_up_before_it_asks() -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        standing_token(stack.listing_call(), "acme", "My title", "key-1")

    served = standing_token(stack.listing_call(), "acme", "My title", "key-1")

    assert (served.token_id, len(stack.provider.mints)) == ("1001", 1)


def test_a_session_token_whose_answer_was_lost_cannot_be_looked_up_and_its_intent_stays() -> None:
    stack = session_stack()
    stack.provider.script = [lost()]

    with pytest.raises(ProviderUnavailable):
        session_token(stack.call(), "acme", "s-1", None)

    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)


def test_the_next_call_for_that_session_asks_again() -> None:
    stack = session_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        session_token(stack.call(), "acme", "s-1", None)

    _, created = session_token(stack.call(), "acme", "s-1", None)

    assert created
    assert stack.store.open_intents == []


def test_a_provider_with_one_token_a_shop_is_simply_asked_again() -> None:
    stack = one_token_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    assert shop_token(stack.call(), "acme").issued_at == int(NOW)


def test_our_own_name_that_cannot_be_read_means_no_mint() -> None:
    stack = listing_stack()
    stack.store.refuse("tokens.broker_id", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")

    assert (stack.provider.mints, stack.store.held_leases) == ([], 0)


def test_a_lost_answers_token_that_is_being_revoked_already_is_not_what_the_intent_leads_to() -> None:
    """An operator deleted it from the list: the shop gets another one, and does not wait for the end of that one."""
    stack = left_open()
    stack.provider.failures["revoke"] = [down()]
    assert revoke(stack.listing_call(), "acme", "1001") is RevocationStatus.PENDING

    served = shop_token(stack.call(), "acme")

    assert served.token_id != "1001"
    assert stack.store.records["acme", "shop", "1001"].state is State.REVOKING
    assert stack.store.open_intents == []


def test_what_may_have_been_made_at_another_shop_is_not_made_again_at_this_one() -> None:
    """The merchant's secret names another shop than when the answer was lost: it is looked for there, or nowhere."""
    stack = left_open()
    (work,) = stack.store.subjects.values()
    work.account_id = "first.example"
    stack.clock.advance(IN_FLIGHT_GRACE + 1)

    with pytest.raises(Conflict, match="another shop"):
        shop_token(stack.call(), "acme")

    assert (len(stack.provider.mints), stack.provider.list_calls) == (1, 1)
    assert len(stack.store.open_intents) == 1
