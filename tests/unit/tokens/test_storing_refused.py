"""The provider gave a token and it could not be stored: then nobody gets it, and it can be found again."""

import pytest

from tests.fakes.samples import minted, token
from tests.fakes.surroundings import listing_stack, one_token_stack, session_stack
from token_broker.domain.token import State
from token_broker.errors import MintInProgress, ProviderError, SessionClosed, StorageUnavailable
from token_broker.tokens.issue import session_token, shop_token, standing_token


def test_a_holder_whose_lease_was_lost_stores_and_serves_nothing() -> None:
    stack = listing_stack()
    stack.store.before["leases.commit"].append(stack.store.lose_leases)

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme")

    assert stack.store.records == {}
    assert stack.cache.get("acme") is None
    assert stack.store.held_leases == 1


def test_a_lost_lease_is_the_other_holders_to_free() -> None:
    stack = listing_stack()
    stack.store.before["leases.commit"].append(stack.store.lose_leases)

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme")

    assert stack.store.subjects["acme", "shop"].owner == "somebody-else"


def test_what_was_minted_and_not_stored_is_noticed_by_its_fingerprint() -> None:
    stack = listing_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")

    (event, fields) = stack.telemetry.notices[0]
    assert (event, fields["code"], fields["fingerprint"]) == (
        "minted_but_not_stored",
        "storage_unavailable",
        token("1001").digest,
    )
    assert "value-of-1001" not in str(stack.telemetry.notices)
    assert stack.telemetry.total("TokensIssued") == 0


def test_a_storage_that_refuses_before_storing_leaves_an_intent_by_which_the_token_is_found() -> None:
    stack = listing_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))
    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")
    assert len(stack.store.open_intents) == 1

    served = shop_token(stack.call(), "acme")

    assert (served.token_id, len(stack.provider.mints)) == ("1001", 1)


def test_a_storage_that_fails_after_storing_serves_the_stored_token_next_time() -> None:
    stack = listing_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."), after=True)
    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")

    assert shop_token(stack.call(), "acme").token_id == "1001"
    assert (len(stack.provider.mints), stack.store.open_intents) == (1, [])


def test_a_standing_token_that_could_not_be_stored_keeps_its_intent() -> None:
    stack = listing_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        standing_token(stack.listing_call(), "acme", "T", "key-1")
    assert len(stack.store.open_intents) == 1

    assert standing_token(stack.listing_call(), "acme", "T", "key-1").token_id == "1001"
    assert len(stack.provider.mints) == 1


def test_a_storage_that_failed_gets_no_further_call_when_time_is_short() -> None:
    """The lease ends by itself."""
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_after(lambda: stack.clock.advance(6))]
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(seconds=10), "acme")

    assert "leases.release" not in stack.store.calls
    assert (stack.store.held_leases, len(stack.store.open_intents)) == (1, 1)


def test_a_session_that_closed_during_the_mint_gives_no_token() -> None:
    stack = session_stack()
    stack.store.before["leases.commit"].append(lambda: stack.store.close_at_once("acme", "s-1"))

    with pytest.raises(SessionClosed):
        session_token(stack.call(), "acme", "s-1", None)

    assert stack.store.records == {}


def test_a_sessions_storage_that_refuses_gives_no_token() -> None:
    stack = session_stack()
    stack.store.refuse("leases.commit", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        session_token(stack.call(), "acme", "s-1", None)

    assert (stack.store.records, stack.store.held_leases) == ({}, 0)


def test_an_id_of_another_token_is_not_believed() -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=State.STANDING))
    stack.provider.script = [minted("7", access_token="another-value")]

    with pytest.raises(ProviderError, match="belongs to another token"):
        shop_token(stack.call(), "acme")

    assert stack.store.records["acme", "shop", "7"].access_token == "value-of-7"


def test_a_confirmation_that_cannot_be_noted_is_reported() -> None:
    stack = one_token_stack()
    stack.provider.script = [minted("7"), minted("7")]
    shop_token(stack.call(), "acme")
    stack.store.refuse("leases.confirm", StorageUnavailable("Down."))
    stack.clock.advance(1)

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme", fresh=True)

    assert stack.store.held_leases == 0


def test_a_provider_that_outlasts_the_lease_cannot_have_its_token_stored_over_anothers() -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_after(lambda: stack.clock.advance(41))]
    stack.store.before["leases.commit"].append(lambda: shop_token(stack.call(), "acme"))

    with pytest.raises(MintInProgress):
        shop_token(stack.call(), "acme")

    assert stack.store.records["acme", "shop", "1001"].state is State.CURRENT
    assert len(stack.provider.mints) == 1
