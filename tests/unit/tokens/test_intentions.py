"""What is written down before a token is asked for: enough for whoever comes after one that was cut off."""

import pytest

from tests.fakes.provider import lost
from tests.fakes.samples import minted
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import listing_stack, one_token_stack, session_stack
from token_broker.errors import Conflict, MintInProgress, ProviderUnavailable
from token_broker.tokens.issue import session_token, shop_token, standing_token

#: What each deployment before this one has remembered the key `key-1` by, as the fakes' caller gives it for `acme`.
KEY_1 = "3u673bk256jctplwnci75qr2wi"
#: SHA-256 of {"title": "T"}: and that body.
BODY_OF_T = "26968d132481bc09e3ab7fdb716952c9de136194573c23a5fe97f4b99a91b6a3"


def test_the_clock_comes_back_to_an_intent_whose_token_can_be_found() -> None:
    stack = listing_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    stack.clock.advance(LEASE)

    assert "subject#shop" in stack.store.due_items("acme")


def test_the_clock_does_not_come_back_to_an_intent_whose_token_cannot_be_found() -> None:
    stack = one_token_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    stack.clock.advance(LEASE)

    assert (len(stack.store.open_intents), stack.store.due_items("acme")) == (1, [])


def test_the_clock_comes_back_to_a_create_whose_token_can_be_found() -> None:
    stack = listing_stack()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        standing_token(stack.listing_call(), "acme", "T", None)

    stack.clock.advance(LEASE)

    assert [item.partition("#")[0] for item in stack.store.due_items("acme")][:1] == ["intent"]


def test_a_current_token_that_was_lost_at_one_shop_is_not_looked_for_at_another() -> None:
    stack = listing_stack()
    stack.provider.account_id = "first.example"
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    stack.clock.advance(LEASE)
    stack.provider.account_id = "second.example"

    with pytest.raises(Conflict, match="another shop"):
        shop_token(stack.call(), "acme")

    assert len(stack.provider.mints) == 1


def test_while_a_session_s_token_is_being_made_nobody_else_asks_for_one() -> None:
    stack = session_stack()
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(MintInProgress):
            session_token(stack.call(), "acme", "s-1", None)
        refused.append("the second")

    stack.provider.script = [stack.provider.make_after(meanwhile)]

    assert session_token(stack.call(), "acme", "s-1", None)[1]
    assert (refused, len(stack.provider.mints)) == (["the second"], 1)


def test_while_one_create_is_under_way_its_repetition_makes_no_second_token() -> None:
    stack = listing_stack()
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(MintInProgress):
            standing_token(stack.listing_call(), "acme", "T", "key-1")
        refused.append("the second")

    stack.provider.script = [stack.provider.make_after(meanwhile)]

    assert standing_token(stack.listing_call(), "acme", "T", "key-1").token_id == "1001"
    assert (refused, len(stack.provider.mints)) == (["the second"], 1)


@pytest.mark.parametrize(("left", "minted_anew"), [(61, False), (60, True)])
def test_memory_serves_a_token_while_more_than_the_margin_is_left(left: int, *, minted_anew: bool) -> None:
    """The same as the store does (`test_shop_token.py`): which of the two answers is no caller's concern."""
    stack = listing_stack()
    stack.provider.script = [minted("9", expires_at=int(stack.clock.now()) + left)]
    shop_token(stack.call(), "acme")

    assert (shop_token(stack.call(), "acme").token_id != "9") is minted_anew


def test_what_was_confirmed_in_this_very_moment_is_fresh() -> None:
    stack = one_token_stack()
    first = shop_token(stack.call(), "acme")

    assert shop_token(stack.call(), "acme", fresh=True) == first
    assert len(stack.provider.mints) == 1


def test_a_key_and_its_body_are_remembered_as_every_deployment_has_remembered_them() -> None:
    """Else a create that is repeated across a deployment would make a second token, or be a conflict with itself."""
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "T", "key-1")

    ((location, work),) = stack.store.standing.items()
    assert (location, work.body_hash) == (("acme", KEY_1), BODY_OF_T)


def test_each_token_is_asked_for_with_its_own_merchant_s_account() -> None:
    stack = listing_stack()
    stack.secrets.stored["second"] = {"key": "second-key"}

    shop_token(stack.call(), "second")
    standing_token(stack.listing_call(), "acme", "T", None)

    asked = [(account.merchant, account.credentials["key"]) for account, _ in stack.provider.mints]
    assert asked == [("second", "second-key"), ("acme", "first-key")]


def test_so_it_is_where_no_mark_is_kept() -> None:
    stack = one_token_stack()
    stack.secrets.stored["second"] = {"key": "second-key"}

    shop_token(stack.call(), "second")
    shop_token(stack.call(), "acme")

    asked = [(account.merchant, account.credentials["key"]) for account, _ in stack.provider.mints]
    assert asked == [("second", "second-key"), ("acme", "first-key")]
