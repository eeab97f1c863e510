"""Standing tokens: one more for each create, and the same one for the same Idempotency-Key."""

import pytest

from tests.fakes.provider import lost
from tests.fakes.samples import BY_ANN
from tests.fakes.store_parts import KEY_RETENTION
from tests.fakes.surroundings import CALLER, listing_stack
from token_broker.domain.token import State
from token_broker.errors import Conflict, MerchantNotFound, ProviderError, StorageUnavailable, TokenLimitReached
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke


def test_a_create_makes_a_token_with_its_own_title() -> None:
    stack = listing_stack()

    made = standing_token(stack.listing_call(), "acme", "For the blog", None)

    assert (made.title, made.state, made.requested_by) == ("For the blog", State.STANDING, CALLER)
    assert (stack.provider.mints[0][1].title or "").startswith("For the blog [tb:brokerid:")
    assert stack.store.records["acme", "shop", "1001"] == made


def test_every_create_without_a_key_makes_one_more() -> None:
    stack = listing_stack()

    made = {standing_token(stack.listing_call(), "acme", "T", None).token_id for _ in range(3)}

    assert len(made) == 3


def test_a_create_leaves_no_intent_and_does_not_touch_the_current_token() -> None:
    stack = listing_stack()
    current = shop_token(stack.call(), "acme")

    standing_token(stack.listing_call(), "acme", "T", None)
    stack.forget_memory()

    assert stack.store.standing == {}
    assert shop_token(stack.call(), "acme") == current


def test_the_same_key_and_body_give_the_same_token() -> None:
    stack = listing_stack()
    first = standing_token(stack.listing_call(), "acme", "T", "key-1")

    again = standing_token(stack.listing_call(), "acme", "T", "key-1")

    assert (again, len(stack.provider.mints)) == (first, 1)
    assert stack.telemetry.total("TokensServedFromStore") == 1


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "T", "key-1")

    with pytest.raises(Conflict, match="another body"):
        standing_token(stack.listing_call(), "acme", "Other", "key-1")

    assert len(stack.provider.mints) == 1


@pytest.mark.parametrize(
    ("caller", "merchant", "key"), [("arn:other", "acme", "k"), (CALLER, "second", "k"), (CALLER, "acme", "K")]
)
def test_another_caller_merchant_or_key_is_another_token(caller: str, merchant: str, key: str) -> None:
    stack = listing_stack()
    stack.secrets.stored["second"] = {"key": "k"}
    first = standing_token(stack.listing_call(), "acme", "T", "k")

    other = standing_token(stack.listing_call(caller=caller), merchant, "T", key)

    assert other.token_id != first.token_id


def test_a_role_is_the_same_caller_in_each_of_its_sessions() -> None:
    """Its session's name changes from process to process."""
    stack = listing_stack()
    role = "arn:aws:sts::123456789012:assumed-role/backend"
    first = standing_token(stack.listing_call(caller=f"{role}/one"), "acme", "T", "k")

    assert standing_token(stack.listing_call(caller=f"{role}/two/x"), "acme", "T", "k") == first
    assert standing_token(stack.listing_call(caller=f"{role}-2/one"), "acme", "T", "k") != first


def test_a_full_shop_is_counted_as_no_headroom() -> None:
    stack = listing_stack()
    stack.provider.script = [TokenLimitReached("Full."), TokenLimitReached("Full.")]

    with pytest.raises(TokenLimitReached):
        standing_token(stack.listing_call(), "acme", "T", None)

    assert ("TokenLimitHeadroom", 0, "Count") in stack.telemetry.counts


def test_the_key_itself_is_nowhere_in_the_store() -> None:
    stack = listing_stack()

    standing_token(stack.listing_call(), "acme", "T", "a-callers-own-key")

    assert "a-callers-own-key" not in repr(stack.store.standing) + repr(stack.store.records)


@pytest.mark.parametrize("pending", [False, True])
def test_a_revoked_token_is_never_given_again(*, pending: bool) -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", "key-1")
    if pending:
        stack.store.tokens.mark_revoking(made, BY_ANN)
    else:
        revoke(stack.listing_call(), "acme", made.token_id)

    with pytest.raises(Conflict, match="revoked"):
        standing_token(stack.listing_call(), "acme", "T", "key-1")

    assert len(stack.provider.mints) == 1


def test_a_key_whose_tokens_record_is_gone_is_a_conflict() -> None:
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "T", "key-1")
    stack.store.records.clear()

    with pytest.raises(Conflict):
        standing_token(stack.listing_call(), "acme", "T", "key-1")


def test_a_key_is_free_again_after_a_create_that_was_refused() -> None:
    stack = listing_stack()
    stack.provider.script = [TokenLimitReached("Full."), TokenLimitReached("Full.")]
    with pytest.raises(TokenLimitReached):
        standing_token(stack.listing_call(), "acme", "T", "key-1")

    assert standing_token(stack.listing_call(), "acme", "Another title", "key-1").title == "Another title"


def test_a_key_is_remembered_for_a_day() -> None:
    stack = listing_stack()
    first = standing_token(stack.listing_call(), "acme", "T", "key-1")
    stack.clock.advance(KEY_RETENTION)

    assert standing_token(stack.listing_call(), "acme", "T", "key-1") == first


@pytest.mark.parametrize("title", ["T", "Another title"])
def test_a_key_that_was_forgotten_makes_another_token(title: str) -> None:
    """The first one still stands at the provider, under a mark that only its own intent used."""
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "T", "key-1")
    stack.clock.advance(KEY_RETENTION + 1)

    made = standing_token(stack.listing_call(), "acme", title, "key-1")

    assert (made.token_id, made.title) == ("1002", title)


def test_a_key_that_was_forgotten_finds_its_own_lost_answer_and_not_the_first_ones() -> None:
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "T", "key-1")
    stack.clock.advance(KEY_RETENTION + 1)
    stack.provider.script = [stack.provider.make_and_fail(lost())]

    assert standing_token(stack.listing_call(), "acme", "T", "key-1").token_id == "1002"


def test_an_unknown_merchant_leaves_nothing_in_the_store() -> None:
    stack = listing_stack()

    with pytest.raises(MerchantNotFound):
        standing_token(stack.listing_call(), "nobody", "T", "key-1")

    assert stack.store.calls == []


def test_a_storage_that_is_down_before_the_mint_means_no_mint() -> None:
    stack = listing_stack()
    stack.store.refuse("leases.acquire_standing", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        standing_token(stack.listing_call(), "acme", "T", None)

    assert stack.provider.mints == []


def test_a_create_that_the_provider_refused_leaves_nothing() -> None:
    stack = listing_stack()
    stack.provider.script = [ProviderError("No.")]

    with pytest.raises(ProviderError):
        standing_token(stack.listing_call(), "acme", "T", None)

    assert (stack.store.standing, stack.store.records) == ({}, {})
