"""A rotation is not called failed while its request may still become a token.

The worker would adopt that token, and the compromised one that it replaces would be forgotten.
"""

import pytest

from tests.fakes.provider import down
from tests.fakes.surroundings import ListingSurroundings, listing_stack
from token_broker.domain.events import Event
from token_broker.domain.token import State
from token_broker.errors import ProviderError, ProviderRejectedCredentials, RequestOutcome, TokenLimitReached
from token_broker.lifecycle.rotate import RotationReport, request, rotate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import shop_token

#: Longer than a lease, and than the clock leaves a rotation to the call that began it.
LATER = 61.0


def malformed_response() -> ProviderError:
    """Return the failure of a malformed response. The provider may have made a token."""
    return ProviderError("The provider's answer makes no sense.", request_outcome=RequestOutcome.UNKNOWN)


def stack_with_a_token() -> ListingSurroundings:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.store.told.clear()
    return stack


def failures(stack: ListingSurroundings) -> list[Event]:
    return [event for event in stack.store.told if event.type == "RotationFailed"]


def test_a_rotation_stays_open_while_its_intent_does() -> None:
    stack = stack_with_a_token()
    stack.provider.script = [stack.provider.make_and_fail(malformed_response())]
    stack.provider.failures["list"] = [down()]

    report = rotate(stack.listing_call(), "acme", compromised=True)

    assert isinstance(report, RotationReport)
    assert (report.rotation.open, report.rotation.failure) == (True, "provider_error")
    assert [event.detail["retrying"] for event in failures(stack)] == [True]


def test_the_compromised_token_gets_no_overlap_from_whoever_finds_the_new_one() -> None:
    stack = stack_with_a_token()
    stack.provider.script = [stack.provider.make_and_fail(malformed_response())]
    stack.provider.failures["list"] = [down()]
    rotate(stack.listing_call(), "acme", compromised=True)

    for _ in range(3):
        stack.clock.advance(LATER)
        maintain(stack.listing_call(), "acme", tuple(stack.store.due_items("acme")))

    assert stack.store.records["acme", "shop", "1001"].state is State.REVOKED
    assert list(stack.provider.listed) == ["1002"]
    assert len(stack.provider.mints) == 2, "the token whose answer was lost, not another one"


def test_a_rotation_that_certainly_came_to_nothing_fails_at_once() -> None:
    stack = stack_with_a_token()
    stack.provider.script = [TokenLimitReached("All places are taken.")] * 2

    with pytest.raises(TokenLimitReached):
        rotate(stack.listing_call(), "acme")

    assert not stack.store.rotation_items["acme"].open
    assert [event.detail["retrying"] for event in failures(stack)] == [False]


def test_a_token_that_was_made_and_could_not_be_listed_keeps_the_rotation_open() -> None:
    stack = stack_with_a_token()
    refused = ProviderRejectedCredentials("The provider refused the merchant's credentials.")
    stack.provider.failures["list"] = [refused, refused]

    report = rotate(stack.listing_call(), "acme", compromised=True)

    assert isinstance(report, RotationReport)
    assert report.rotation.open
    for _ in range(3):
        stack.clock.advance(LATER)
        maintain(stack.listing_call(), "acme", tuple(stack.store.due_items("acme")))
    assert stack.store.records["acme", "shop", "1001"].state is State.REVOKED
    assert list(stack.provider.listed) == ["1002"], "no token without a record"


def test_a_call_that_fails_does_not_end_the_rotation_that_it_has_joined() -> None:
    """The clock's own wish, say: it would not be made again before the new token's whole age."""
    stack = stack_with_a_token()
    rotation, _ = request(stack.listing_call("clock"), "acme", compromised=False)
    stack.clock.advance(LATER)
    stack.provider.script = [TokenLimitReached("All places are taken.")] * 2

    report = rotate(stack.listing_call(), "acme")

    assert isinstance(report, RotationReport)
    assert (report.rotation.rotation_id, report.rotation.failure) == (rotation.rotation_id, "token_limit_reached")
    assert stack.store.rotation_items["acme"].open
