"""A current token that is found by its intent replaces the token before it.

An open rotation says how. Without one, the merchant's overlap applies.
"""

from collections.abc import Callable
from copy import replace

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import minted
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import LISTING, ListingSurroundings, listing_stack
from token_broker.domain.rotation import Rotation
from token_broker.domain.token import SHOP, State
from token_broker.errors import Conflict, ProviderUnavailable, RequestOutcome, StorageUnavailable
from token_broker.lifecycle.rotate import advance, request, rotate
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.mint import RELEASE_TIME
from token_broker.tokens.succession import CACHES_CLEARED_AFTER

OVERLAP = 5_000


def cut_off(*, compromised: bool = False) -> ListingSurroundings:
    """Build a shop whose rotation from 1001 to 1002 lost its response and its look-up."""
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.store.set_overlap("acme", OVERLAP)
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    rotate(stack.listing_call(), "acme", compromised=compromised)
    stack.clock.advance(LEASE + 60)
    stack.store.told.clear()
    return stack


def adopt(stack: ListingSurroundings) -> dict[str, object]:
    """Let the worker find the intent before the rotation, and return the events of the change."""
    maintain(stack.listing_call(), "acme", ["subject#shop"])
    issued, rotated = stack.store.told
    assert (issued.type, issued.detail["tokenId"], issued.detail["why"]) == ("TokenIssued", "1002", "adopted")
    assert rotated.type == "TokenRotated"
    return dict(rotated.detail)


def test_it_takes_the_place_that_the_open_rotation_made_for_it() -> None:
    stack = cut_off()
    (intent,) = stack.store.open_intents

    told = adopt(stack)

    ends_at = int(stack.clock.now()) + OVERLAP
    assert stack.store.records["acme", SHOP, "1001"].state is State.RETIRING
    assert stack.store.pending["acme", "1001"][1] == ends_at
    assert (told["previousTokenId"], told["overlapEndsAt"]) == ("1001", ends_at)
    assert ("lost_response_found", {"intent": intent, "token_id": "1002"}) in stack.telemetry.notices
    assert told["rotationId"] == stack.store.rotation_items["acme"].rotation_id


def test_it_leaves_a_compromised_one_no_overlap() -> None:
    stack = cut_off(compromised=True)

    told = adopt(stack)

    assert stack.store.records["acme", SHOP, "1001"].state is State.REVOKING
    assert stack.store.pending["acme", "1001"][1] == int(stack.clock.now()) + CACHES_CLEARED_AFTER
    assert (told["overlapEndsAt"], told["compromised"]) == (None, True)


def ended(rotation: Rotation) -> Rotation | None:
    return replace(rotation, open=False)


def of_another_token(rotation: Rotation) -> Rotation | None:
    return replace(rotation, replaces="999")


def none_at_all(_: Rotation) -> Rotation | None:
    return None


@pytest.mark.parametrize("become", [ended, of_another_token, none_at_all])
def test_where_no_rotation_speaks_for_it_the_one_before_works_on(
    become: Callable[[Rotation], Rotation | None],
) -> None:
    stack = cut_off(compromised=True)
    rotation = become(stack.store.rotation_items.pop("acme"))
    if rotation is not None:
        stack.store.rotation_items["acme"] = rotation

    told = adopt(stack)

    ends_at = int(stack.clock.now()) + OVERLAP
    assert stack.store.records["acme", SHOP, "1001"].state is State.RETIRING
    assert stack.store.pending["acme", "1001"][1] == ends_at
    assert (told["rotationId"], told["overlapEndsAt"], told["compromised"]) == (None, ends_at, False)


def test_an_intent_that_names_no_shop_is_looked_for_at_the_one_that_the_secret_names() -> None:
    """Intents from before shops were written down."""
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    stack.clock.advance(LEASE)
    stack.provider.account_id = "acme.example"

    maintain(stack.listing_call(), "acme", ["subject#shop"])

    assert stack.store.records["acme", SHOP, "1001"].state is State.CURRENT
    assert stack.store.open_intents == []


def test_one_that_lists_and_keeps_no_mark_is_asked_without_a_title() -> None:
    stack = listing_stack()
    stack.provider.capabilities = replace(LISTING, supports_title_tag=False)

    standing_token(stack.listing_call(), "acme", "T", None)

    rotate(stack.listing_call(), "acme")

    assert [order.title for _, order in stack.provider.mints] == [None, None]


def test_whatever_keeps_a_successor_from_being_stored_it_is_looked_for_again() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.store.refuse("leases.commit", Conflict("Something that nobody has thought of."))

    rotate(stack.listing_call(), "acme")

    (intent,) = stack.store.open_intents
    noticed = dict(stack.telemetry.notices)["minted_but_not_stored"]
    assert (noticed["code"], noticed["intent"]) == (Conflict.code, intent)
    assert stack.store.rotation_items["acme"].open


def test_a_successor_that_is_not_listed_may_be_there_all_the_same() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.provider.script = [minted("1002")]  # made, and not in the list
    rotation, _ = request(stack.listing_call(), "acme", compromised=False)

    with pytest.raises(ProviderUnavailable, match="does not list it") as failure:
        advance(stack.listing_call(), rotation)

    assert failure.value.request_outcome is RequestOutcome.UNKNOWN


def test_a_lease_that_cannot_be_freed_is_noticed_with_its_intent_and_the_reason() -> None:
    stack = listing_stack()
    stack.provider.script = [down()]
    stack.store.refuse("leases.release", StorageUnavailable("Down."))

    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    (intent,) = stack.store.open_intents
    expected = ("lease_not_released", {"code": StorageUnavailable.code, "intent": intent})
    assert stack.telemetry.notices[-1] == expected


@pytest.mark.parametrize(("seconds", "freed"), [(RELEASE_TIME + 0.1, True), (RELEASE_TIME, False)])
def test_a_storage_that_has_failed_is_asked_again_only_while_there_is_time_for_it(
    seconds: float, *, freed: bool
) -> None:
    stack = listing_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(seconds=seconds), "acme")

    assert ("leases.release" in stack.store.calls) is freed
