"""The shop's current token: from memory, from the store, or newly minted."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import ScriptedProvider, lost
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import CALLER, ListingStack, Surroundings, listing_stack, one_token_stack
from token_broker.domain.ownership_tag import parse_title
from token_broker.domain.token import Origin, State
from token_broker.errors import (
    Conflict,
    MerchantMisconfigured,
    MerchantNotFound,
    ProviderUnavailable,
    StorageUnavailable,
)
from token_broker.tokens.issue import shop_token

type Stack = Surroundings[ScriptedProvider]


def test_the_first_call_stores_its_intent_asks_with_our_tag_and_stores_the_token(stack: ListingStack) -> None:
    seen: list[list[str]] = []
    stack.provider.script = [stack.provider.make_after(lambda: seen.append(stack.store.open_intents))]

    served = shop_token(stack.call(), "acme")

    assert stack.store.records["acme", "shop", "1001"] == served
    assert (served.provider, served.merchant, served.subject) == ("shopify", "acme", "shop")
    assert (served.state, served.origin, served.requested_by) == (State.CURRENT, Origin.BROKER, CALLER)
    assert (served.access_token, served.title) == ("value-of-1001", "Token Broker")
    assert stack.telemetry.total("TokensIssued") == 1
    assert stack.telemetry.annotations == {"served": "minted"}
    ((intent,),) = seen
    assert stack.store.open_intents == []
    tag = parse_title(stack.provider.mints[0][1].title or "")
    assert (tag.title, tag.broker_id, tag.intent_id) == ("Token Broker", BROKER_ID, intent)


def test_a_provider_that_keeps_no_tag_is_asked_without_a_title() -> None:
    stack = one_token_stack()

    served = shop_token(stack.call(), "acme")

    assert (stack.provider.mints[0][1].title, served.title) == (None, None)


@pytest.mark.parametrize("make", [listing_stack, one_token_stack])
def test_each_merchant_s_token_is_asked_for_with_its_own_account(make: Callable[[], Stack]) -> None:
    stack = make()
    stack.secrets.stored["second"] = {"key": "second-key"}

    made = [shop_token(stack.call(), "second"), shop_token(stack.call(), "acme")]

    asked = [(account.merchant, account.credentials["key"]) for account, _ in stack.provider.mints]
    assert asked == [("second", "second-key"), ("acme", "first-key")]
    assert made[0].token_id != made[1].token_id


@pytest.mark.parametrize(("make", "due"), [(listing_stack, ["subject#shop"]), (one_token_stack, [])])
def test_the_worker_comes_back_to_an_intent_whose_token_can_be_found(make: Callable[[], Stack], due: list[str]) -> None:
    stack = make()
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")

    stack.clock.advance(LEASE)

    assert len(stack.store.open_intents) == 1
    assert [item for item in stack.store.due_items("acme") if item.startswith("subject")] == due


def test_a_token_that_was_lost_at_one_shop_is_not_looked_for_at_another(stack: ListingStack) -> None:
    stack.provider.account_id = "first.example"
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        shop_token(stack.call(), "acme")
    stack.clock.advance(LEASE)
    stack.provider.account_id = "second.example"

    with pytest.raises(Conflict, match="another shop"):
        shop_token(stack.call(), "acme")

    assert len(stack.provider.mints) == stack.provider.list_calls == len(stack.store.open_intents) == 1


def test_memory_serves_for_30_seconds_and_touches_no_port_and_then_the_store_serves(stack: ListingStack) -> None:
    first = shop_token(stack.call(), "acme")
    stack.store.calls.clear()
    stack.secrets.reads.clear()
    stack.clock.advance(29.9)

    assert shop_token(stack.call(), "acme") == first
    assert (stack.store.calls, stack.secrets.reads) == ([], [])
    assert stack.telemetry.total("TokensServedFromMemory") == 1
    assert stack.telemetry.annotations["served"] == "memory"

    stack.clock.advance(0.1)
    assert shop_token(stack.call(), "acme") == first
    assert stack.store.calls == ["leases.state"]
    assert stack.telemetry.total("TokensServedFromStore") == 1
    assert len(stack.provider.mints) == 1


def test_another_process_is_served_from_the_store_once_and_then_from_memory(stack: ListingStack) -> None:
    first = shop_token(stack.call(), "acme")
    stack.forget_memory()
    stack.store.calls.clear()

    assert [shop_token(stack.call(), "acme"), shop_token(stack.call(), "acme")] == [first, first]

    assert (stack.store.calls, len(stack.provider.mints)) == (["leases.state"], 1)


def test_time_that_the_mint_took_counts_against_memorys_30_seconds(stack: ListingStack) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: stack.clock.advance(10))]
    shop_token(stack.call(), "acme")
    stack.store.calls.clear()

    stack.clock.advance(20)
    shop_token(stack.call(), "acme")

    assert stack.store.calls == ["leases.state"]


def test_fresh_passes_memory_by_and_makes_no_second_token_where_each_mint_is_a_new_one(stack: ListingStack) -> None:
    shop_token(stack.call(), "acme")
    stack.store.calls.clear()

    shop_token(stack.call(), "acme", fresh=True)

    assert (stack.store.calls, len(stack.provider.mints)) == (["leases.state"], 1)


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(("left", "minted_anew"), [(61, False), (60, True), (1, True), (0, True), (-1, True)])
def test_a_stored_or_cached_token_is_served_while_more_than_the_margin_is_left(
    stack: ListingStack, left: int, *, minted_anew: bool, cached: bool
) -> None:
    """Whatever the store still holds: it deletes late."""
    kept = stack.store.keep(token("7", expires_at=int(NOW) + left))
    if cached:
        stack.cache.put("acme", kept, read_at=stack.clock.monotonic())

    assert (shop_token(stack.call(), "acme").token_id != "7") is minted_anew


def test_a_token_just_minted_is_answered_once_however_short_it_lives(stack: ListingStack) -> None:
    stack.provider.script = [minted("9", expires_at=int(NOW) + 5)]

    assert shop_token(stack.call(), "acme").token_id == "9"
    assert shop_token(stack.call(), "acme").token_id != "9"


@pytest.mark.parametrize(
    "ended", [{"state": State.REVOKING}, {"state": State.REVOKED}, {"state": State.LOST}, {"access_token": None}]
)
def test_a_token_that_has_ended_or_has_no_value_is_not_served(stack: ListingStack, ended: dict[str, Any]) -> None:
    stack.store.keep(token("7"))
    stack.store.subjects["acme", "shop"].current = replace(token("7"), **ended)

    assert shop_token(stack.call(), "acme").token_id == "1001"


@pytest.mark.parametrize(("merchant", "failure"), [("nobody", MerchantNotFound), ("broken", MerchantMisconfigured)])
def test_without_a_usable_secret_nothing_is_left_in_the_store(
    stack: ListingStack, merchant: str, failure: type[Exception]
) -> None:
    stack.secrets.stored["broken"] = {"wrong": "x"}

    with pytest.raises(failure):
        shop_token(stack.call(), merchant)

    assert (stack.store.calls, stack.store.subjects) == (["leases.state"], {})


@pytest.mark.parametrize("operation", ["leases.state", "leases.acquire"])
def test_a_storage_that_is_down_before_the_mint_means_no_mint(stack: ListingStack, operation: str) -> None:
    stack.store.refuse(operation, StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")

    assert stack.provider.mints == []


def test_a_merchant_whose_secret_goes_away_meanwhile_leaves_no_intent(stack: ListingStack) -> None:
    stack.store.after["leases.acquire"].append(lambda: stack.secrets.delete("acme"))

    with pytest.raises(MerchantNotFound):
        shop_token(stack.call(), "acme")

    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)
