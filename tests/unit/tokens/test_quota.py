"""A mint for which the provider has no place: what is asked to go, and what the caller is told."""

import time
from collections.abc import Callable, Iterator
from copy import replace

import pytest

from tests.fakes.clock import NOW
from tests.fakes.provider import down, lost
from tests.fakes.samples import minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.surroundings import DAY, LISTING, ListingStack, listing_stack
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Change, Reason, RevocationStatus, State, Transition
from token_broker.errors import ProviderError, ProviderFailure, ProviderReply, ProviderUnavailable, TokenLimitReached
from token_broker.lifecycle.rotate import rotate
from token_broker.ports.provider import Capabilities
from token_broker.tokens.call import PROVIDER_BUDGET
from token_broker.tokens.inventory import SETTLED_AFTER
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.quota import MINT_TIME
from token_broker.tokens.revoke import revoke

ORPHAN = tag_title("Made by us", BROKER_ID, "d" * 26)
OVER = Change("clock", Reason.REQUESTED)


def fill(stack: ListingStack) -> None:
    """Have every place be taken by what is there."""
    stack.provider.places = len(stack.provider.listed)


def full(*, foreign: int = 0, pending: int = 0) -> ListingStack:
    """Every place is taken: by a standing token, by others', and by those whose end was not confirmed."""
    stack = listing_stack()
    standing_token(stack.listing_call(), "acme", "Blog", None)
    for number in range(foreign):
        stack.provider.put(minted(str(5000 + number)), "Theirs")
    for _ in range(pending):
        made = standing_token(stack.listing_call(), "acme", "T", None)
        stack.provider.failures["revoke"] = [down()]
        assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.PENDING
    fill(stack)
    stack.provider.capabilities = Capabilities(
        lists=True, revokes=True, supports_title_tag=True, rotates=True, limit=stack.provider.places
    )
    stack.provider.revoked.clear()
    stack.provider.mints.clear()
    return stack


def create(stack: ListingStack) -> object:
    return standing_token(stack.listing_call("ann"), "acme", "One more", None)


def get(stack: ListingStack) -> object:
    return shop_token(stack.call("ann"), "acme")


def refusal(stack: ListingStack) -> str:
    with pytest.raises(TokenLimitReached) as refused:
        create(stack)
    return refused.value.detail


@pytest.mark.parametrize("mint", [create, get])
def test_a_token_that_was_to_go_makes_room(mint: Callable[[ListingStack], object]) -> None:
    stack = full(pending=2)
    stack.provider.account_id = "acme.example"  # its tokens are from before shops were written down

    mint(stack)

    assert (stack.provider.revoked, len(stack.provider.mints)) == (["1002"], 2)
    revoked = stack.store.records["acme", "shop", "1002"]
    assert (revoked.state, revoked.history[-1].by) == (State.REVOKED, "ann")
    assert stack.telemetry.total("TokensRevoked") == 1
    assert [event.type for event in stack.store.told][-2:] == ["TokenRevoked", "TokenIssued"]
    assert stack.store.told[-2].detail["why"] == "requested"
    assert (stack.store.open_intents, stack.store.held_leases) == ([], 0)


def test_a_rotations_successor_is_made_the_same_way() -> None:
    stack = full(pending=1)
    stack.provider.places = None
    first = shop_token(stack.call(), "acme")
    fill(stack)

    rotate(stack.listing_call(), "acme")

    assert stack.provider.revoked == ["1002"]
    assert shop_token(stack.call(), "acme", fresh=True) != first


def retiring(stack: ListingStack, token_id: str, days_ago: int = 0) -> None:
    """Have a token retire since so many days."""
    began = int(NOW) - days_ago * DAY
    line = Transition(began, "ann", State.CURRENT, State.RETIRING, Reason.ROTATED)
    stack.store.keep(replace(token(token_id, state=State.RETIRING), history=(line,)))
    stack.store.pending["acme", token_id] = (0, began + 7 * DAY, 0, Reason.ROTATED)
    stack.provider.put(minted(token_id), ORPHAN)


def test_where_nothing_can_go_it_says_what_would() -> None:
    stack = full(foreign=4)
    retiring(stack, "8")
    stack.provider.put(minted("9"), ORPHAN)

    detail = refusal(stack)

    assert "Tokens at the provider: 1 standing, for example 1001 (revoke those that nobody uses); " in detail
    assert "1 retiring (they end with their overlap, the next at 2027-01-22T08:00:00Z); " in detail
    assert "4 foreign (" in detail
    assert detail.endswith("1 without a record (reconcile with apply, then revoke them by their ids).")
    assert "value" not in detail
    assert (stack.provider.revoked, len(stack.provider.mints)) == ([], 1)
    assert ("TokenLimitHeadroom", 0, "Count") in stack.telemetry.counts
    assert stack.store.records["acme", "shop", "8"].state is State.RETIRING


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run on a machine that is nine hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_of_many_that_retire_the_first_that_ends_is_told_of_in_utc_wherever_the_machine_is() -> None:
    stack = full()
    for token_id, days_ago in {"81": 1, "82": 2, "83": 3, "84": 6, "85": 4}.items():
        retiring(stack, token_id, days_ago)
    fill(stack)

    assert "5 retiring (they end with their overlap, the next at 2027-01-16T08:00:00Z)." in refusal(stack)


def test_what_had_ended_and_is_there_and_what_is_another_shops_is_told_of() -> None:
    stack = full()
    stack.store.keep(token("7", state=State.REVOKED))
    stack.store.keep(token("8", account_id="another.example"))
    stack.store.keep(token("9", account_id="another.example"))
    for token_id in ("7", "8"):
        stack.provider.put(minted(token_id), ORPHAN)
    fill(stack)
    stack.clock.advance(SETTLED_AFTER)

    detail = refusal(stack)

    assert "; 1 listed although they have ended (reconcile with apply); 1 recorded at another shop (only" in detail


def test_the_current_one_and_several_standing_ones_are_told_of() -> None:
    stack = full()
    stack.provider.places = None
    shop_token(stack.call(), "acme")
    for _ in range(3):
        create(stack)
    fill(stack)

    detail = refusal(stack)

    assert "provider: 1 current; 4 standing, for example 1001, 1003, 1004 (revoke those that nobody uses)." in detail


def test_what_is_being_made_is_told_from_what_has_no_record() -> None:
    stack = full()
    stack.provider.places = None
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    with pytest.raises(ProviderUnavailable):
        create(stack)
    fill(stack)

    detail = refusal(stack)

    assert detail.endswith("; 1 in flight (created or ended just now).")
    assert "without a record" not in detail


def test_one_that_ended_a_moment_ago_and_is_still_listed_is_told_of() -> None:
    stack = full(pending=1)
    stack.store.tokens.mark_revoked(stack.store.records["acme", "shop", "1002"], OVER)

    assert refusal(stack).endswith("; 1 in flight (created or ended just now).")


def test_one_whose_overlap_ends_meanwhile_has_no_end_to_tell() -> None:
    stack = full()
    kept = stack.store.keep(token("8", state=State.RETIRING))
    stack.provider.put(minted("8"), ORPHAN)
    fill(stack)
    stack.store.before["tokens.pending_revocation"].append(lambda: stack.store.corrections.mark_lost(kept, OVER))

    assert refusal(stack).endswith("; 1 retiring (they end with their overlap).")


def test_what_the_provider_said_goes_with_the_refusal() -> None:
    stack = full()
    reply = ProviderReply(400, None, "Api permission exceeds public access token limit of: 100")
    stack.provider.script = [TokenLimitReached("Full.", reply=reply)]

    with pytest.raises(TokenLimitReached) as refused:
        create(stack)

    assert refused.value.reply == reply


@pytest.mark.parametrize("pending", [0, 1])
def test_a_place_that_has_become_free_by_itself_is_used_also_where_the_provider_ends_no_other_just_now(
    pending: int,
) -> None:
    stack = full(foreign=1, pending=pending)
    stack.provider.script = [TokenLimitReached("Full.")]
    stack.provider.failures["revoke"] = [down()] * pending
    stack.provider.listed.pop("5000")

    create(stack)

    assert len(stack.provider.mints) == 2


def test_it_is_tried_again_once() -> None:
    stack = full(pending=1)
    stack.provider.script = [TokenLimitReached("Full."), TokenLimitReached("Still full.")]

    assert refusal(stack).startswith("Still full. Tokens at the provider: ")
    assert len(stack.provider.mints) == 2
    assert stack.store.open_intents == []


@pytest.mark.parametrize("failure", [down(), ProviderError("No.")])
def test_a_revocation_that_fails_again_stays_the_workers(failure: ProviderFailure) -> None:
    stack = full(pending=2)
    stack.provider.failures["revoke"] = [failure, failure]

    assert "2 revoking (they end once the provider confirms)" in refusal(stack)

    assert stack.provider.revoked == (["1002"] if failure.retryable else ["1002", "1003"])
    assert len(stack.provider.mints) == 1
    assert ("revocation_pending", {"code": failure.code, "token_id": "1002"}) in stack.telemetry.notices
    assert stack.store.due_items("acme") == ["token#1002", "token#1003"]


def test_one_that_somebody_else_has_ended_meanwhile_or_that_is_another_shops_is_not_asked_to_go() -> None:
    stack = full(pending=2)
    ended = stack.store.records["acme", "shop", "1002"]
    stack.store.keep(token("1003", state=State.REVOKING, account_id="old.example", access_token="x"))
    stack.store.before["tokens.pending_revocation"].append(lambda: stack.store.tokens.mark_revoked(ended, OVER))

    refusal(stack)

    assert (stack.provider.revoked, len(stack.provider.mints)) == ([], 1)


def test_time_for_the_mint_itself_is_kept() -> None:
    stack = full(pending=1)

    create(stack)

    left = [seconds for operation, _, seconds in stack.provider.asked if operation == "revoke"][-1]
    assert left == PROVIDER_BUDGET - MINT_TIME


def test_a_token_that_was_current_a_moment_ago_is_not_asked_to_go_yet() -> None:
    stack = full()
    stack.provider.places = None
    compromised = shop_token(stack.call(), "acme")
    fill(stack)
    stack.store.tokens.mark_revoking(compromised, Change("ann", Reason.COMPROMISED), ask_from=int(NOW) + 35)
    stack.provider.mints.clear()

    assert "1 revoking" in refusal(stack)
    assert (stack.provider.revoked, len(stack.provider.mints)) == ([], 1)

    stack.clock.advance(35)
    create(stack)
    assert stack.provider.revoked == [compromised.token_id]


def test_a_list_that_fails_leaves_the_refusal_as_it_was() -> None:
    stack = full(pending=1)
    stack.provider.failures["list"] = [down()]

    assert refusal(stack) == "Every place is taken."


@pytest.mark.parametrize("seconds", [4.0, MINT_TIME])
def test_without_time_nothing_more_is_asked(seconds: float) -> None:
    stack = full(pending=1)

    with pytest.raises(TokenLimitReached):
        standing_token(stack.listing_call(seconds=seconds), "acme", "One more", None)

    assert (stack.provider.revoked, len(stack.provider.mints)) == ([], 1)


@pytest.mark.parametrize("listed", [True, False])
def test_a_lost_answer_of_the_second_try_is_looked_up_and_its_intent_stays_if_that_fails(*, listed: bool) -> None:
    stack = full(pending=1)
    stack.provider.script = [TokenLimitReached("Full."), stack.provider.make_and_fail(lost())]
    if listed:
        create(stack)
    else:
        stack.store.after["tokens.mark_revoked"].append(lambda: stack.provider.failures["list"].append(lost()))
        with pytest.raises(ProviderUnavailable):
            create(stack)

    assert len(stack.provider.mints) == 2
    assert len(stack.store.open_intents) == (0 if listed else 1)


def test_nothing_of_it_costs_a_mint_that_has_its_place(stack: ListingStack) -> None:
    create(stack)

    assert (stack.provider.list_calls, stack.provider.capabilities) == (0, LISTING)
    assert "tokens.all" not in stack.store.calls
