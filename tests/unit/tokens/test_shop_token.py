"""The shop's current token: from memory, from the store, or newly minted."""

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import CALLER, listing_stack, one_token_stack
from token_broker.domain.ownership_tag import parse_title
from token_broker.domain.token import Origin, State
from token_broker.errors import MerchantMisconfigured, MerchantNotFound, ProviderError, StorageUnavailable
from token_broker.tokens.issue import shop_token


def test_the_first_call_mints_and_stores_before_it_answers() -> None:
    stack = listing_stack()

    served = shop_token(stack.call(), "acme")

    assert served.access_token == "value-of-1001"
    assert stack.store.records["acme", "shop", "1001"] == served
    assert stack.telemetry.total("TokensIssued") == 1
    assert stack.telemetry.annotations == {"served": "minted"}


def test_a_minted_token_says_whose_it_is() -> None:
    stack = listing_stack()

    served = shop_token(stack.call(), "acme")

    assert (served.provider, served.merchant, served.subject) == ("shopify", "acme", "shop")
    assert (served.state, served.origin, served.requested_by) == (State.CURRENT, Origin.BROKER, CALLER)


def test_the_intent_is_durable_before_the_provider_is_asked() -> None:
    stack = listing_stack()
    seen: list[list[str]] = []
    stack.provider.script = [stack.provider.make_after(lambda: seen.append(stack.store.open_intents))]

    shop_token(stack.call(), "acme")

    ((intent,),) = seen
    assert stack.store.open_intents == []
    (_, order) = stack.provider.mints[0]
    assert parse_title(order.title or "").intent_id == intent


def test_the_title_at_the_provider_carries_our_mark_and_the_answers_does_not() -> None:
    stack = listing_stack()

    served = shop_token(stack.call(), "acme")

    mark = parse_title(stack.provider.mints[0][1].title or "")
    assert (mark.title, mark.broker_id) == ("Token Broker", BROKER_ID)
    assert served.title == "Token Broker"


def test_a_provider_that_keeps_no_mark_is_asked_without_a_title() -> None:
    stack = one_token_stack()

    served = shop_token(stack.call(), "acme")

    assert stack.provider.mints[0][1].title is None
    assert served.title is None


def test_within_30_seconds_memory_serves_and_no_port_is_touched() -> None:
    stack = listing_stack()
    first = shop_token(stack.call(), "acme")
    stack.store.calls.clear()
    stack.secrets.reads.clear()
    stack.clock.advance(29.9)

    assert shop_token(stack.call(), "acme") == first

    assert (stack.store.calls, stack.secrets.reads, len(stack.provider.mints)) == ([], [], 1)
    assert stack.telemetry.total("TokensServedFromMemory") == 1
    assert stack.telemetry.annotations["served"] == "memory"


def test_after_30_seconds_the_store_serves_and_the_provider_is_not_asked() -> None:
    stack = listing_stack()
    first = shop_token(stack.call(), "acme")
    stack.store.calls.clear()
    stack.clock.advance(30)

    assert shop_token(stack.call(), "acme") == first

    assert (stack.store.calls, len(stack.provider.mints)) == (["leases.state"], 1)
    assert stack.telemetry.total("TokensServedFromStore") == 1


def test_another_process_is_served_from_the_store() -> None:
    stack = listing_stack()
    first = shop_token(stack.call(), "acme")
    stack.forget_memory()

    assert shop_token(stack.call(), "acme") == first
    assert len(stack.provider.mints) == 1


def test_what_the_store_served_is_served_by_memory_from_then_on() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.forget_memory()
    shop_token(stack.call(), "acme")
    stack.store.calls.clear()

    shop_token(stack.call(), "acme")

    assert stack.store.calls == []


def test_time_that_the_mint_took_counts_against_memorys_30_seconds() -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_after(lambda: stack.clock.advance(10))]
    shop_token(stack.call(), "acme")
    stack.store.calls.clear()

    stack.clock.advance(20)
    shop_token(stack.call(), "acme")

    assert stack.store.calls == ["leases.state"]


def test_fresh_passes_memory_by() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")
    stack.store.calls.clear()

    shop_token(stack.call(), "acme", fresh=True)

    assert stack.store.calls == ["leases.state"]


def test_fresh_makes_no_second_token_where_each_mint_is_a_new_one() -> None:
    stack = listing_stack()
    shop_token(stack.call(), "acme")

    shop_token(stack.call(), "acme", fresh=True)

    assert len(stack.provider.mints) == 1


def test_each_merchant_has_its_own_token() -> None:
    stack = listing_stack()
    stack.secrets.stored["other"] = {"key": "k"}

    assert shop_token(stack.call(), "acme").token_id != shop_token(stack.call(), "other").token_id


@pytest.mark.parametrize(("left", "minted_anew"), [(61, False), (60, True), (1, True), (0, True), (-1, True)])
def test_a_stored_token_is_served_while_more_than_the_margin_is_left(left: int, *, minted_anew: bool) -> None:
    """Whatever the store still holds: it deletes late."""
    stack = listing_stack()
    stack.store.keep(token("7", expires_at=int(NOW) + left))

    assert (shop_token(stack.call(), "acme").token_id != "7") is minted_anew


def test_a_token_just_minted_is_answered_however_short_it_lives() -> None:
    stack = listing_stack()
    stack.provider.script = [minted("9", expires_at=int(NOW) + 5)]

    assert shop_token(stack.call(), "acme").token_id == "9"


def test_memory_never_serves_a_token_past_its_end() -> None:
    stack = listing_stack()
    stack.provider.script = [minted("9", expires_at=int(NOW) + 5)]
    shop_token(stack.call(), "acme")

    stack.clock.advance(6)

    assert shop_token(stack.call(), "acme").token_id != "9"


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED, State.LOST])
def test_a_token_that_has_ended_is_not_served(state: State) -> None:
    stack = listing_stack()
    stack.store.keep(token("7"))
    work = stack.store.subjects["acme", "shop"]
    work.current = token("7", state=state)

    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_a_token_without_a_value_is_not_served() -> None:
    stack = listing_stack()
    stack.store.keep(token("7"))
    stack.store.subjects["acme", "shop"].current = token("7")._replace(access_token=None)

    assert shop_token(stack.call(), "acme").token_id == "1001"


def test_an_unknown_merchant_leaves_nothing_in_the_store() -> None:
    stack = listing_stack()

    with pytest.raises(MerchantNotFound):
        shop_token(stack.call(), "nobody")

    assert stack.store.calls == ["leases.state"]
    assert stack.store.subjects == {}


def test_a_broken_secret_leaves_nothing_in_the_store() -> None:
    stack = listing_stack()
    stack.secrets.stored["acme"] = {"wrong": "x"}

    with pytest.raises(MerchantMisconfigured):
        shop_token(stack.call(), "acme")

    assert stack.store.subjects == {}


@pytest.mark.parametrize("operation", ["leases.state", "leases.acquire"])
def test_a_storage_that_is_down_before_the_mint_means_no_mint(operation: str) -> None:
    stack = listing_stack()
    stack.store.refuse(operation, StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")

    assert stack.provider.mints == []


def test_a_provider_that_refuses_leaves_no_intent_and_no_lease() -> None:
    stack = listing_stack()
    stack.provider.script = [ProviderError("No.")]

    with pytest.raises(ProviderError):
        shop_token(stack.call(), "acme")

    assert (stack.store.open_intents, stack.store.held_leases, stack.store.records) == ([], 0, {})


def test_a_merchant_whose_secret_goes_away_meanwhile_leaves_no_intent() -> None:
    stack = listing_stack()
    stack.store.after["leases.acquire"].append(lambda: stack.secrets.delete("acme"))

    with pytest.raises(MerchantNotFound):
        shop_token(stack.call(), "acme")

    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)


def test_a_lease_that_cannot_be_freed_is_noticed_and_the_first_failure_reported() -> None:
    stack = listing_stack()
    stack.provider.script = [ProviderError("The first failure.")]
    stack.store.refuse("leases.release", StorageUnavailable("Down."))

    with pytest.raises(ProviderError, match="The first failure"):
        shop_token(stack.call(), "acme")

    assert stack.telemetry.events == ["lease_not_released"]
