"""Ending a token: marked first, then asked of the provider until that confirms."""

from typing import Any

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import CALLER, ListingStack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Origin, RevocationStatus, State, Token
from token_broker.errors import (
    BrokerError,
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

OURS = tag_title("Made by us", BROKER_ID, "d" * 26)
ANOTHER_STACKS = tag_title("T", "otherone", "d" * 26)
CONFIRMED, PENDING = RevocationStatus.CONFIRMED, RevocationStatus.PENDING


@pytest.fixture
def made(stack: ListingStack) -> Token:
    """Create a standing token."""
    return standing_token(stack.listing_call(), "acme", "T", None)


def end(stack: ListingStack, token_id: str, **how: Any) -> RevocationStatus:
    return revoke(stack.listing_call(), "acme", token_id, **how)


def record(stack: ListingStack, token_id: str) -> Token:
    return stack.store.records["acme", "shop", token_id]


def test_a_standing_token_is_ended_its_value_is_gone_and_it_is_confirmed_again_without_asking(
    stack: ListingStack, made: Token
) -> None:
    caller = "arn:aws:iam::1:user/bob"
    assert revoke(stack.listing_call(caller), "acme", made.token_id) is CONFIRMED

    ended = record(stack, made.token_id)
    assert (ended.state, ended.access_token, ended.digest) == (State.REVOKED, None, made.digest)
    assert {line.by for line in ended.history[1:]} == {caller}
    assert stack.provider.listed == {}
    assert stack.telemetry.total("TokensRevoked") == 1
    assert stack.telemetry.annotations["fingerprint"] == made.digest

    assert end(stack, made.token_id) is CONFIRMED
    assert stack.provider.asked == [("revoke", "acme", 15.0)]


@pytest.mark.parametrize(("operation", "state"), [("mark_revoking", State.STANDING), ("mark_revoked", State.REVOKING)])
def test_a_token_is_marked_before_the_provider_is_asked_and_what_could_not_be_noted_is_asked_for_again(
    stack: ListingStack, made: Token, operation: str, state: State
) -> None:
    stack.store.refuse(f"tokens.{operation}", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        end(stack, made.token_id)

    assert record(stack, made.token_id).state is state
    assert stack.provider.revoked == ([] if state is State.STANDING else [made.token_id])
    assert end(stack, made.token_id) is CONFIRMED


def test_the_current_token_is_served_no_more_also_not_from_memory(stack: ListingStack) -> None:
    current = shop_token(stack.call(), "acme")

    end(stack, current.token_id)

    assert stack.cache.get("acme") is None
    assert shop_token(stack.call(), "acme").token_id != current.token_id


@pytest.mark.parametrize("failure", [down(), lost(), ProviderThrottled("Slow down.", retry_after=2)])
def test_a_passing_failure_leaves_the_revocation_pending_until_the_next_delete(
    stack: ListingStack, failure: ProviderFailure
) -> None:
    current = shop_token(stack.call(), "acme")
    stack.provider.failures["revoke"] = [failure]

    assert end(stack, current.token_id) is PENDING

    assert record(stack, current.token_id).state is State.REVOKING
    said = {"code": failure.code, "token_id": current.token_id}
    assert stack.telemetry.notices == [("revocation_pending", said)]
    assert stack.telemetry.total("RevocationsPending") == 1
    assert shop_token(stack.call(), "acme").token_id != current.token_id

    assert end(stack, current.token_id) is CONFIRMED
    assert record(stack, current.token_id).state is State.REVOKED


@pytest.mark.parametrize("failure", [ProviderError("No."), ShopUnavailable("Frozen.")])
def test_a_lasting_failure_is_reported_and_the_token_stays_unserved(
    stack: ListingStack, failure: ProviderFailure
) -> None:
    current = shop_token(stack.call(), "acme")
    stack.provider.failures["revoke"] = [failure]

    with pytest.raises(type(failure)):
        end(stack, current.token_id)

    assert record(stack, current.token_id).state is State.REVOKING
    assert shop_token(stack.call(), "acme").token_id != current.token_id


def test_refused_credentials_are_tried_once_more_with_the_secret_read_afresh(stack: ListingStack, made: Token) -> None:
    stack.provider.failures["revoke"] = [ProviderRejectedCredentials("No.")]

    assert end(stack, made.token_id) is CONFIRMED
    assert stack.secrets.fresh_reads == 1


@pytest.mark.parametrize("title", ["Theirs", ANOTHER_STACKS])
def test_a_foreign_token_is_not_touched_unless_that_is_asked_for(stack: ListingStack, title: str) -> None:
    stack.provider.put(minted("5"), title)

    with pytest.raises(Conflict, match="foreign=true"):
        end(stack, "5")
    assert (stack.provider.revoked, stack.store.records) == ([], {})

    assert end(stack, "5", foreign=True) is CONFIRMED
    ended = record(stack, "5")
    assert (ended.state, ended.origin, ended.access_token) == (State.REVOKED, Origin.FOREIGN, None)
    assert (ended.provider, ended.title, ended.requested_by) == ("shopify", title, CALLER)


@pytest.mark.parametrize("failures", [[], [down()]])
def test_a_foreign_tokens_delete_goes_on_or_is_confirmed_again_without_the_flag(
    stack: ListingStack, failures: list[ProviderFailure]
) -> None:
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.failures["revoke"] = list(failures)
    assert end(stack, "5", foreign=True) is (PENDING if failures else CONFIRMED)

    assert end(stack, "5") is CONFIRMED


def test_a_token_of_ours_whose_answer_was_lost_is_ended_without_the_flag(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), OURS)

    assert end(stack, "5") is CONFIRMED

    assert (record(stack, "5").origin, record(stack, "5").title) == (Origin.BROKER, "Made by us")


def test_a_token_that_nobody_knows_is_not_found_and_the_caller_is_told_where_to_look(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), "Theirs")
    stack.store.keep(token("7", merchant="other", state=State.STANDING))

    for unknown in ("6", "7"):
        with pytest.raises(TokenNotFound, match="List the tokens"):
            end(stack, unknown)

    assert (len(stack.store.records), stack.provider.revoked) == (1, [])


def test_a_search_has_the_time_of_the_call_at_most_and_its_failure_is_reported(stack: ListingStack) -> None:
    stack.provider.put(minted("77"), "theirs")
    stack.provider.failures["list"] = [down()]
    with pytest.raises(ProviderUnavailable):
        end(stack, "77", foreign=True)
    stack.provider.asked.clear()

    revoke(stack.listing_call(seconds=7.0), "acme", "77", foreign=True)

    assert stack.provider.asked == [("list", "acme", 7.0), ("revoke", "acme", 7.0)]


@pytest.mark.parametrize(
    ("secret", "failure"), [({"wrong": "x"}, MerchantMisconfigured), ({"key": "of another shop"}, Conflict)]
)
def test_without_the_secret_of_the_tokens_shop_nothing_is_marked(
    stack: ListingStack, secret: dict[str, str], failure: type[BrokerError]
) -> None:
    """Another shop would say that it knows no such token, which is not the end of it."""
    stack.store.keep(token("7", state=State.STANDING, account_id="old.example"))
    stack.secrets.stored["acme"] = secret

    with pytest.raises(failure, match="another shop" if failure is Conflict else None):
        end(stack, "7")

    assert record(stack, "7").state is State.STANDING
    assert stack.provider.revoked == []


def test_a_token_of_a_time_when_shops_were_not_noted_is_ended_at_the_shop_that_the_secret_names(
    stack: ListingStack,
) -> None:
    stack.provider.account_id = "acme.example"
    stack.store.keep(token("7", state=State.STANDING, account_id=""))

    assert end(stack, "7") is CONFIRMED


def test_an_id_that_the_provider_cannot_have_is_refused_before_anything_is_read(stack: ListingStack) -> None:
    with pytest.raises(InvalidRequest):
        end(stack, "abc")
    assert (stack.store.calls, stack.provider.list_calls) == ([], 0)
