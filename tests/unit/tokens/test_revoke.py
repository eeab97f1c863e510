"""Ending a token: marked first, then asked of the provider until that confirms."""

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import CALLER, listing_stack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Origin, RevocationStatus, State
from token_broker.errors import (
    Conflict,
    InvalidRequest,
    MerchantMisconfigured,
    ProviderError,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    ShopUnavailable,
    StorageUnavailable,
    TokenNotFound,
)
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

ORPHAN = tag_title("Made by us", BROKER_ID, "d" * 26)


def test_a_standing_token_is_ended_and_its_value_is_gone() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)

    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.CONFIRMED

    record = stack.store.records["acme", "shop", made.token_id]
    assert (record.state, record.access_token, record.digest) == (State.REVOKED, None, made.digest)
    assert (stack.provider.revoked, stack.provider.listed) == ([made.token_id], {})
    assert stack.telemetry.total("TokensRevoked") == 1
    assert stack.telemetry.annotations["fingerprint"] == made.digest


def test_a_token_is_marked_before_the_provider_is_asked() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.store.refuse("tokens.mark_revoking", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        revoke(stack.listing_call(), "acme", made.token_id)

    assert stack.provider.revoked == []


def test_the_current_token_is_served_no_more_also_not_from_memory() -> None:
    stack = listing_stack()
    current = shop_token(stack.call(), "acme")

    revoke(stack.listing_call(), "acme", current.token_id)

    assert stack.cache.get("acme") is None
    assert shop_token(stack.call(), "acme").token_id != current.token_id


def test_a_revoked_token_is_confirmed_again_without_asking_the_provider() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    revoke(stack.listing_call(), "acme", made.token_id)

    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.CONFIRMED
    assert stack.provider.revoked == [made.token_id]


@pytest.mark.parametrize("failure", [down(), lost(), ProviderThrottled("Slow down.", retry_after=2)])
def test_a_passing_failure_leaves_the_revocation_pending(failure: ProviderFailure) -> None:
    stack = listing_stack()
    current = shop_token(stack.call(), "acme")
    stack.provider.failures["revoke"] = [failure]

    assert revoke(stack.listing_call(), "acme", current.token_id) is RevocationStatus.PENDING

    assert stack.store.records["acme", "shop", current.token_id].state is State.REVOKING
    said = {"code": failure.code, "token_id": current.token_id}
    assert stack.telemetry.notices == [("revocation_pending", said)]
    assert stack.telemetry.total("RevocationsPending") == 1
    assert shop_token(stack.call(), "acme").token_id != current.token_id


def test_a_pending_revocation_is_asked_for_again_by_the_next_delete() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", made.token_id)

    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.CONFIRMED
    assert stack.store.records["acme", "shop", made.token_id].state is State.REVOKED


@pytest.mark.parametrize("failure", [ProviderError("No."), ShopUnavailable("Frozen.")])
def test_a_lasting_failure_is_reported_and_the_token_stays_unserved(failure: ProviderFailure) -> None:
    stack = listing_stack()
    current = shop_token(stack.call(), "acme")
    stack.provider.failures["revoke"] = [failure]

    with pytest.raises(type(failure)):
        revoke(stack.listing_call(), "acme", current.token_id)

    assert stack.store.records["acme", "shop", current.token_id].state is State.REVOKING
    assert shop_token(stack.call(), "acme").token_id != current.token_id


def test_refused_credentials_are_tried_once_more_with_the_secret_read_afresh() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.provider.failures["revoke"] = [ProviderRejectedCredentials("No.")]

    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.CONFIRMED
    assert stack.secrets.fresh_reads == 1


def test_a_foreign_token_is_not_touched() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")

    with pytest.raises(Conflict, match="foreign=true"):
        revoke(stack.listing_call(), "acme", "5")

    assert (stack.provider.revoked, stack.store.records) == ([], {})


def test_another_stacks_token_is_foreign() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), tag_title("T", "otherone", "d" * 26))

    with pytest.raises(Conflict):
        revoke(stack.listing_call(), "acme", "5")


def test_a_foreign_token_is_ended_where_that_is_asked_for() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")

    assert revoke(stack.listing_call(), "acme", "5", foreign=True) is RevocationStatus.CONFIRMED

    record = stack.store.records["acme", "shop", "5"]
    assert (record.state, record.origin, record.access_token) == (State.REVOKED, Origin.FOREIGN, None)
    assert (record.title, record.requested_by) == ("Theirs", CALLER)


def test_a_foreign_tokens_delete_is_confirmed_again_without_the_flag() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")
    revoke(stack.listing_call(), "acme", "5", foreign=True)

    assert revoke(stack.listing_call(), "acme", "5") is RevocationStatus.CONFIRMED


def test_a_foreign_tokens_pending_revocation_goes_on_without_the_flag() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", "5", foreign=True)

    assert revoke(stack.listing_call(), "acme", "5") is RevocationStatus.CONFIRMED


def test_a_token_of_ours_whose_answer_was_lost_is_ended_without_the_flag() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), ORPHAN)

    assert revoke(stack.listing_call(), "acme", "5") is RevocationStatus.CONFIRMED

    record = stack.store.records["acme", "shop", "5"]
    assert (record.origin, record.title) == (Origin.BROKER, "Made by us")


def test_a_token_that_nobody_knows_is_not_found() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")

    with pytest.raises(TokenNotFound):
        revoke(stack.listing_call(), "acme", "6")

    assert stack.store.records == {}


def test_another_merchants_token_is_not_found() -> None:
    stack = listing_stack()
    stack.store.keep(token("7", merchant="other", state=State.STANDING))

    with pytest.raises(TokenNotFound):
        revoke(stack.listing_call(), "acme", "7")

    assert stack.provider.revoked == []


def test_a_search_that_fails_is_reported() -> None:
    stack = listing_stack()
    stack.provider.failures["list"] = [down()]

    with pytest.raises(ProviderUnavailable):
        revoke(stack.listing_call(), "acme", "5")


def test_without_a_usable_secret_nothing_is_marked() -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=State.STANDING))
    stack.secrets.stored["acme"] = {"wrong": "x"}

    with pytest.raises(MerchantMisconfigured):
        revoke(stack.listing_call(), "acme", "7")

    assert stack.store.records["acme", "shop", "7"].state is State.STANDING


def test_a_confirmation_that_cannot_be_noted_is_asked_for_again() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    stack.store.refuse("tokens.mark_revoked", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        revoke(stack.listing_call(), "acme", made.token_id)

    assert stack.store.records["acme", "shop", made.token_id].state is State.REVOKING
    assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.CONFIRMED


def test_a_token_of_the_shop_that_the_secret_named_before_is_not_asked_of_the_new_one() -> None:
    """The new shop would say that it knows no such token, which is not the end of it."""
    stack = listing_stack()
    stack.store.keep(token("7", state=State.STANDING, account_id="old.example"))

    with pytest.raises(Conflict, match="another shop"):
        revoke(stack.listing_call(), "acme", "7")

    assert stack.store.records["acme", "shop", "7"].state is State.STANDING
    assert stack.provider.revoked == []


def test_the_provider_is_asked_of_the_merchants_account_within_its_budget() -> None:
    stack = listing_stack()
    token_id = standing_token(stack.listing_call(), "acme", "T", None).token_id

    revoke(stack.listing_call(), "acme", token_id)

    assert stack.provider.asked == [("revoke", "acme", 15.0)]


def test_the_search_for_a_token_without_a_record_has_the_time_of_the_call_at_most() -> None:
    stack = listing_stack()
    stack.provider.put(minted("77"), "theirs")

    revoke(stack.listing_call(seconds=7.0), "acme", "77", foreign=True)

    assert stack.provider.asked == [("list", "acme", 7.0), ("revoke", "acme", 7.0)]


def test_a_foreign_token_is_recorded_with_its_provider_and_its_whole_title() -> None:
    title = tag_title("Theirs", "otherone", "d" * 26)
    stack = listing_stack()
    stack.provider.put(minted("77"), title)

    revoke(stack.listing_call(), "acme", "77", foreign=True)

    record = stack.store.records["acme", "shop", "77"]
    assert (record.provider, record.origin, record.title) == ("shopify", Origin.FOREIGN, title)


def test_who_asks_for_a_token_that_nobody_knows_is_told_where_to_look() -> None:
    with pytest.raises(TokenNotFound, match="List the tokens"):
        revoke(listing_stack().listing_call(), "acme", "404")


def test_a_tokens_history_names_who_asked_for_its_end() -> None:
    stack = listing_stack()
    token_id = standing_token(stack.listing_call(), "acme", "T", None).token_id

    revoke(stack.listing_call(caller="arn:aws:iam::1:user/bob"), "acme", token_id)

    assert {line.by for line in stack.store.records["acme", "shop", token_id].history[1:]} == {
        "arn:aws:iam::1:user/bob"
    }


def test_a_token_of_a_time_when_shops_were_not_noted_is_ended_at_the_shop_that_the_secret_names() -> None:
    stack = listing_stack()
    stack.provider.account_id = "acme.example"
    stack.store.keep(token("7", state=State.STANDING, account_id=""))

    assert revoke(stack.listing_call(), "acme", "7") is RevocationStatus.CONFIRMED


def test_an_id_that_the_provider_cannot_have_is_refused_before_anything_is_read() -> None:
    stack = listing_stack()

    with pytest.raises(InvalidRequest):
        revoke(stack.listing_call(), "acme", "abc")
    assert (stack.store.calls, stack.provider.list_calls) == ([], 0)
