"""Standing tokens: one more for each create, and the same one for the same Idempotency-Key."""

import pytest

from tests.fakes.provider import lost
from tests.fakes.samples import BY_ANN
from tests.fakes.store_parts import KEY_RETENTION, LEASE
from tests.fakes.surroundings import CALLER, ListingStack
from token_broker.domain.token import State, Token
from token_broker.errors import (
    Conflict,
    MerchantNotFound,
    ProviderError,
    ProviderFailure,
    ProviderUnavailable,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

#: What each deployment before this one has remembered the key `key-1` by, as the fakes' caller gives it for `acme`.
KEY_1 = "3u673bk256jctplwnci75qr2wi"
#: SHA-256 of {"title": "T"}: and that body.
BODY_OF_T = "26968d132481bc09e3ab7fdb716952c9de136194573c23a5fe97f4b99a91b6a3"


def create(stack: ListingStack, key: str | None = "key-1", title: str = "T", caller: str = CALLER) -> Token:
    return standing_token(stack.listing_call(caller), "acme", title, key)


def test_every_create_without_a_key_makes_one_more_with_its_own_title(stack: ListingStack) -> None:
    current = shop_token(stack.call(), "acme")

    made = [create(stack, None, title) for title in ("For the blog", "T", "T")]

    assert (made[0].title, made[0].state, made[0].requested_by) == ("For the blog", State.STANDING, CALLER)
    assert (stack.provider.mints[1][1].title or "").startswith("For the blog [tb:brokerid:")
    assert stack.store.records["acme", "shop", "1002"] == made[0]
    assert [each.token_id for each in made] == ["1002", "1003", "1004"]
    assert stack.store.standing == {}, "no intent is left"
    stack.forget_memory()
    assert shop_token(stack.call(), "acme") == current


def test_the_worker_comes_back_to_a_create_whose_token_can_be_found(stack: ListingStack) -> None:
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        create(stack, None)

    stack.clock.advance(LEASE)

    assert [item.partition("#")[0] for item in stack.store.due_items("acme")][:1] == ["intent"]


def test_the_same_key_and_body_give_the_same_token_for_a_day(stack: ListingStack) -> None:
    first = create(stack)
    stack.clock.advance(KEY_RETENTION)

    assert (create(stack), len(stack.provider.mints)) == (first, 1)
    assert stack.telemetry.total("TokensServedFromStore") == 1


def test_the_same_key_with_another_body_is_a_conflict(stack: ListingStack) -> None:
    create(stack)

    with pytest.raises(Conflict, match="another body"):
        create(stack, title="Other")

    assert len(stack.provider.mints) == 1


def test_a_key_and_its_body_are_remembered_as_every_deployment_has_remembered_them(stack: ListingStack) -> None:
    """Else a create that is repeated across a deployment would make a second token, or be a conflict with itself."""
    create(stack)

    ((location, work),) = stack.store.standing.items()
    assert (location, work.body_hash) == (("acme", KEY_1), BODY_OF_T)


@pytest.mark.parametrize(
    ("caller", "merchant", "key"), [("arn:other", "acme", "k"), (CALLER, "second", "k"), (CALLER, "acme", "K")]
)
def test_another_caller_merchant_or_key_is_another_token(
    stack: ListingStack, caller: str, merchant: str, key: str
) -> None:
    stack.secrets.stored["second"] = {"key": "second-key"}
    first = create(stack, "k")

    other = standing_token(stack.listing_call(caller=caller), merchant, "T", key)

    assert other.token_id != first.token_id
    assert stack.provider.mints[1][0].merchant == merchant


def test_a_role_is_the_same_caller_in_each_of_its_sessions(stack: ListingStack) -> None:
    """Its session's name changes from process to process."""
    role = "arn:aws:sts::123456789012:assumed-role/backend"
    first = create(stack, caller=f"{role}/one")

    assert create(stack, caller=f"{role}/two/x") == first
    assert create(stack, caller=f"{role}-2/one") != first


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED, None])
def test_a_token_that_was_revoked_or_has_no_record_is_never_given_again(
    stack: ListingStack, state: State | None
) -> None:
    made = create(stack)
    if state is State.REVOKING:
        stack.store.tokens.mark_revoking(made, BY_ANN)
    elif state is State.REVOKED:
        revoke(stack.listing_call(), "acme", made.token_id)
    else:
        stack.store.records.clear()

    with pytest.raises(Conflict, match="revoked" if state else None):
        create(stack)

    assert len(stack.provider.mints) == 1


@pytest.mark.parametrize("failure", [ProviderError("No."), TokenLimitReached("Full.")])
def test_a_refused_create_leaves_nothing_and_its_key_is_free_again(
    stack: ListingStack, failure: ProviderFailure
) -> None:
    stack.provider.script = [failure, failure] if isinstance(failure, TokenLimitReached) else [failure]
    with pytest.raises(type(failure)):
        create(stack)
    assert (stack.store.standing, stack.store.records) == ({}, {})
    assert (("TokenLimitHeadroom", 0, "Count") in stack.telemetry.counts) is isinstance(failure, TokenLimitReached)

    assert create(stack, title="Another title").title == "Another title"


@pytest.mark.parametrize("title", ["T", "Another title"])
@pytest.mark.parametrize("loses", [False, True])
def test_a_key_that_was_forgotten_makes_another_token_and_finds_its_own(
    stack: ListingStack, title: str, *, loses: bool
) -> None:
    """The first one still stands at the provider, under a mark that only its own intent used."""
    create(stack)
    stack.clock.advance(KEY_RETENTION + 1)
    if loses:
        stack.provider.script = [stack.provider.make_and_fail(lost())]

    made = create(stack, title=title)

    assert (made.token_id, made.title) == ("1002", title)


@pytest.mark.parametrize(
    ("merchant", "refused", "failure"),
    [("nobody", None, MerchantNotFound), ("acme", "leases.acquire_standing", StorageUnavailable)],
)
def test_without_a_merchant_or_the_storage_there_is_no_mint(
    stack: ListingStack, merchant: str, refused: str | None, failure: type[Exception]
) -> None:
    if refused:
        stack.store.refuse(refused, StorageUnavailable("Down."))

    with pytest.raises(failure):
        standing_token(stack.listing_call(), merchant, "T", "a-callers-own-key")

    assert (stack.provider.mints, stack.store.standing) == ([], {})


def test_the_key_itself_is_nowhere_in_the_store(stack: ListingStack) -> None:
    create(stack, "a-callers-own-key")

    assert "a-callers-own-key" not in repr(stack.store.standing) + repr(stack.store.records)
