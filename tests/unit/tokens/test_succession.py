"""A successor is stored once it is listed. One that is found by its intent replaces the token before it.

An open rotation says how. Without one, the merchant's overlap applies.
"""

from collections.abc import Callable
from copy import replace

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import minted
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import CALLER, LISTING, ListingStack
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, State
from token_broker.errors import Conflict, ProviderUnavailable, RequestOutcome
from token_broker.lifecycle.rotate import advance, request, rotate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.succession import CACHES_CLEARED_AFTER

OVERLAP = 5_000


def cut_off(stack: ListingStack, *, compromised: bool) -> None:
    """Have a shop's rotation from 1001 to 1002 lose its response and its look-up."""
    shop_token(stack.call(), "acme")
    stack.store.set_overlap("acme", OVERLAP)
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    rotate(stack.listing_call(), "acme", compromised=compromised)
    stack.clock.advance(LEASE + 60)
    stack.store.told.clear()


def adopt(stack: ListingStack) -> dict[str, object]:
    """Let the worker find the intent before the rotation, and return the events of the change."""
    maintain(stack.listing_call("queue"), "acme", ["subject#shop"])
    issued, rotated = stack.store.told
    assert (issued.type, issued.detail["tokenId"], issued.detail["why"]) == ("TokenIssued", "1002", "adopted")
    assert rotated.type == "TokenRotated"
    assert rotated.detail["previousTokenId"] == "1001"
    return dict(rotated.detail)


@pytest.mark.parametrize("compromised", [False, True])
def test_it_takes_the_place_that_the_open_rotation_made_for_it(stack: ListingStack, *, compromised: bool) -> None:
    cut_off(stack, compromised=compromised)
    (intent,) = stack.store.open_intents

    told = adopt(stack)

    state, overlap = (State.REVOKING, CACHES_CLEARED_AFTER) if compromised else (State.RETIRING, OVERLAP)
    ends_at = int(stack.clock.now()) + overlap
    assert stack.store.records["acme", SHOP, "1001"].state is state
    assert stack.store.records["acme", SHOP, "1002"].requested_by == CALLER
    assert stack.store.pending["acme", "1001"][1] == ends_at
    assert (told["overlapEndsAt"], told["compromised"]) == (None if compromised else ends_at, compromised)
    assert ("lost_response_found", {"intent": intent, "token_id": "1002"}) in stack.telemetry.notices
    assert told["rotationId"] == stack.store.rotation_items["acme"].rotation_id


@pytest.mark.parametrize(
    "become",
    [lambda rotation: replace(rotation, open=False), lambda rotation: replace(rotation, replaces="999"), None],
    ids=["ended", "of another token", "none at all"],
)
def test_where_no_rotation_speaks_for_it_the_one_before_keeps_working(
    stack: ListingStack, become: Callable[[Rotation], Rotation] | None
) -> None:
    cut_off(stack, compromised=True)
    rotation = stack.store.rotation_items.pop("acme")
    if become is not None:
        stack.store.rotation_items["acme"] = become(rotation)

    told = adopt(stack)

    ends_at = int(stack.clock.now()) + OVERLAP
    assert stack.store.records["acme", SHOP, "1001"].state is State.RETIRING
    assert stack.store.pending["acme", "1001"][1] == ends_at
    assert (told["rotationId"], told["overlapEndsAt"], told["compromised"]) == (None, ends_at, False)


def test_an_intent_that_names_no_shop_is_looked_for_at_the_one_that_the_secret_names(stack: ListingStack) -> None:
    """Intents from before shops were written down."""
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    stack.clock.advance(LEASE)
    stack.provider.account_id = "acme.example"

    maintain(stack.listing_call(), "acme", ["subject#shop"])

    assert stack.store.records["acme", SHOP, "1001"].state is State.CURRENT
    assert stack.store.open_intents == []


def test_a_provider_that_lists_and_keeps_no_tag_is_asked_without_a_title(stack: ListingStack) -> None:
    stack.provider.capabilities = replace(LISTING, supports_title_tag=False)

    standing_token(stack.listing_call(), "acme", "T", None)
    rotate(stack.listing_call(), "acme")

    assert [order.title for _, order in stack.provider.mints] == [None, None]


def test_whatever_keeps_a_successor_from_being_stored_it_is_looked_for_again(stack: ListingStack) -> None:
    shop_token(stack.call(), "acme")
    stack.store.refuse("leases.commit", Conflict("Something that nobody has thought of."))

    rotate(stack.listing_call(), "acme")

    (intent,) = stack.store.open_intents
    noticed = dict(stack.telemetry.notices)["minted_but_not_stored"]
    assert (noticed["code"], noticed["intent"]) == (Conflict.code, intent)
    assert stack.store.rotation_items["acme"].open


def test_a_successor_that_is_not_listed_may_be_there_all_the_same(stack: ListingStack) -> None:
    shop_token(stack.call(), "acme")
    stack.provider.script = [minted("1002")]  # made, and not in the list
    rotation, _ = request(stack.listing_call(), "acme", compromised=False)

    with pytest.raises(ProviderUnavailable, match="does not list it") as failure:
        advance(stack.listing_call(), rotation)

    assert failure.value.request_outcome is RequestOutcome.UNKNOWN
