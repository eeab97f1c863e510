"""Our records against the provider's list: what is found, what is done about it, and what is left alone."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import BY_ANN, minted, token
from tests.fakes.store import BROKER_ID, MemoryStore
from tests.fakes.surroundings import DAY, ListingSurroundings, listing_stack
from token_broker.clock import Deadline
from token_broker.domain.delays import MAX_PAUSE, next_reconciliation
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import SHOP, Change, ProviderToken, Reason, State, Token
from token_broker.errors import (
    MerchantNotFound,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    StorageUnavailable,
)
from token_broker.lifecycle.reconcile import RECHECK_DELAY, WARN_BELOW_SLOTS, reconcile
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest
from token_broker.tokens.inventory import SETTLED_AFTER, Finding
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

INTENT = "d" * 26
ORPHAN = tag_title("Made by us", BROKER_ID, INTENT)
NOTHING: dict[str, Any] = {"adopted": [], "broughtBack": [], "revoking": [], "lost": [], "minted": None}


def compared(stack: ListingSurroundings, *, apply: bool = False) -> dict[str, Any]:
    return reconcile(stack.listing_call("ann"), "acme", apply=apply)


def applied(stack: ListingSurroundings) -> dict[str, Any]:
    done: dict[str, Any] = compared(stack, apply=True)["done"]
    return done


def found(stack: ListingSurroundings) -> dict[str, list[str]]:
    """Return the findings that are not empty."""
    return {name: ids for name, ids in compared(stack)["tokens"].items() if ids}


def record(stack: ListingSurroundings, token_id: str) -> Token:
    return stack.store.records["acme", SHOP, token_id]


def told(stack: ListingSurroundings) -> list[tuple[str, object, object]]:
    return [(event.type, event.detail.get("tokenId"), event.detail.get("why")) for event in stack.store.told]


def settle(stack: ListingSurroundings) -> None:
    stack.clock.advance(SETTLED_AFTER)


def with_two(stack: ListingSurroundings) -> tuple[Token, Token]:
    """Build a shop with a current and a standing token, both old enough for every list. No event is out yet."""
    both = shop_token(stack.call(), "acme"), standing_token(stack.listing_call(), "acme", "Blog", None)
    settle(stack)
    stack.store.told.clear()
    return both


def snapshot(store: MemoryStore) -> object:
    parts = (store.subjects, store.standing, store.records, store.pending, store.reconciliation_items, store.told)
    return repr(parts)


# What is found


def test_what_both_know_is_fine() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)

    assert compared(stack) == {
        "applied": False,
        "used": 2,
        "limit": 100,
        "headroom": 98,
        "counts": {**{finding.value: 0 for finding in Finding}, "fine": 2},
        "tokens": {**{finding.value: [] for finding in Finding}, "fine": [current.token_id, standing.token_id]},
        "done": NOTHING,
    }


def test_what_is_being_revoked_and_still_listed_is_fine() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", standing.token_id)

    assert found(stack) == {"fine": [current.token_id, standing.token_id]}


def test_nothing_is_found_where_nothing_is() -> None:
    assert found(listing_stack()) == {}


@pytest.mark.parametrize("title", ["API Client Extension", tag_title("T", "otherone", INTENT), ""])
def test_what_others_have_made_is_foreign(title: str) -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), title)

    assert found(stack) == {"foreign": ["5"]}


def test_a_foreign_token_that_an_operator_has_revoked_is_foreign_still() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", "5", foreign=True)

    assert found(stack) == {"foreign": ["5"]}


def test_our_mark_without_record_or_intent_is_unrecorded() -> None:
    stack = listing_stack()
    stack.provider.put(minted("5"), ORPHAN)

    assert found(stack) == {"unrecorded": ["5"]}


@pytest.mark.parametrize("state", [State.CURRENT, State.STANDING, State.RETIRING])
def test_a_record_that_is_alive_and_not_listed_is_lost(state: State) -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=state))
    settle(stack)

    assert found(stack) == {"lost": ["7"]}


@pytest.mark.parametrize("state", [State.REVOKING, State.REVOKED, State.LOST])
def test_a_record_that_has_ended_and_is_not_listed_is_nothing(state: State) -> None:
    stack = listing_stack()
    stack.store.keep(token("7", state=state))
    settle(stack)

    assert found(stack) == {}


@pytest.mark.parametrize("listed", [False, True])
def test_a_record_of_another_shop_is_left_alone_and_shown(*, listed: bool) -> None:
    stack = listing_stack()
    stack.store.keep(token("7", account_id="old.example"))
    if listed:
        stack.provider.put(minted("7"), ORPHAN)
    settle(stack)
    before = snapshot(stack.store)

    assert found(stack) == {"elsewhere": ["7"]}
    assert applied(stack)["lost"] == []
    stack.store.reconciliation_items.clear()
    assert snapshot(stack.store) == before


def test_an_id_with_another_value_is_left_alone_and_shown() -> None:
    stack = listing_stack()
    stack.store.keep(token("7"))
    stack.provider.put(minted("7", access_token="another-value"), ORPHAN)
    settle(stack)

    assert found(stack) == {"differing": ["7"]}
    assert not any(applied(stack).values())
    assert record(stack, "7") == token("7")


def test_no_value_is_in_an_answer() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.provider.put(minted("5"), ORPHAN)
    stack.provider.put(minted("6", access_token="their-value"), "Theirs")

    assert "value" not in str(compared(stack, apply=True))


# What is in flight


def during_the_list(stack: ListingSurroundings, action: Callable[[], object], *, after: bool = True) -> None:
    """Something happens while the provider writes its list: after, or just before, it has looked."""
    list_then = stack.provider.list_tokens

    def list_and_act(account: Account, deadline: Deadline) -> list[ListedToken]:
        stack.provider.list_tokens = list_then  # type: ignore[method-assign]
        if not after:
            action()
        listed = list_then(account, deadline)
        if after:
            action()
        return listed

    stack.provider.list_tokens = list_and_act  # type: ignore[method-assign]


def test_what_is_being_made_is_in_flight() -> None:
    stack = listing_stack()
    seen: list[dict[str, list[str]]] = []

    def make_and_look(_account: Account, order: MintRequest) -> ProviderToken:
        made = stack.provider.make(order)
        seen.append(found(stack))
        return made

    stack.provider.script = [make_and_look]
    standing_token(stack.listing_call(), "acme", "T", None)

    assert seen == [{"inFlight": ["1001"]}]
    assert found(stack) == {"fine": ["1001"]}


@pytest.mark.parametrize("key", [None, "key-1"])
def test_a_lost_answers_token_is_left_to_its_intent(key: str | None) -> None:
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        standing_token(stack.listing_call(), "acme", "T", key)
    settle(stack)

    assert found(stack) == {"inFlight": ["1001"]}
    assert applied(stack)["adopted"] == []
    assert stack.store.records == {}


def test_what_is_made_while_the_list_is_written_is_neither_lost_nor_unrecorded() -> None:
    stack = listing_stack()
    with_two(stack)
    during_the_list(stack, lambda: standing_token(stack.listing_call(), "acme", "T", None))

    assert found(stack) == {"fine": ["1001", "1002"]}


def test_what_is_stored_while_the_list_is_written_has_its_record() -> None:
    stack = listing_stack()
    during_the_list(stack, lambda: standing_token(stack.listing_call(), "acme", "T", None), after=False)

    assert found(stack) == {"fine": ["1001"]}


def test_what_is_revoked_while_the_list_is_written_has_not_reappeared() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)
    during_the_list(stack, lambda: revoke(stack.listing_call(), "acme", standing.token_id))

    assert found(stack) == {"fine": [current.token_id], "inFlight": [standing.token_id]}


def test_what_is_made_and_revoked_while_the_list_is_written_has_not_reappeared() -> None:
    stack = listing_stack()

    def make_and_revoke() -> None:
        made = standing_token(stack.listing_call(), "acme", "T", None)
        revoke(stack.listing_call(), "acme", made.token_id)
        stack.provider.put(minted(made.token_id), ORPHAN)

    during_the_list(stack, make_and_revoke, after=False)

    assert found(stack) == {"inFlight": ["1001"]}


def test_what_was_revoked_a_moment_ago_may_still_be_in_a_list() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)
    at_the_provider = stack.provider.listed[standing.token_id]
    revoke(stack.listing_call(), "acme", standing.token_id)
    stack.provider.listed[standing.token_id] = at_the_provider
    stack.clock.advance(SETTLED_AFTER - 1)

    assert found(stack) == {"fine": [current.token_id], "inFlight": [standing.token_id]}
    stack.clock.advance(1)
    assert found(stack) == {"fine": [current.token_id], "reappeared": [standing.token_id]}


def test_a_record_from_before_shops_were_written_down_is_of_this_one() -> None:
    stack = listing_stack()
    stack.provider.account_id = "acme.example"
    stack.store.keep(token("7", account_id=""))
    stack.provider.put(minted("7"), ORPHAN)

    assert found(stack) == {"fine": ["7"]}


def test_what_was_recorded_a_moment_ago_may_be_missing_in_a_list() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)
    fresh = standing_token(stack.listing_call(), "acme", "Fresh", None)
    stack.provider.listed.pop(fresh.token_id)
    stack.clock.advance(SETTLED_AFTER - 1)

    assert found(stack) == {"fine": [current.token_id, standing.token_id], "inFlight": [fresh.token_id]}
    stack.clock.advance(1)
    assert found(stack)["lost"] == [fresh.token_id]


def test_a_clock_that_has_jumped_back_loses_nothing() -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    stack.provider.listed.pop(standing.token_id)
    stack.clock._now -= DAY

    assert found(stack)["inFlight"] == [standing.token_id]
    assert applied(stack)["lost"] == []
    assert record(stack, standing.token_id).state is State.STANDING


# A dry run


def test_a_dry_run_writes_nothing_at_all() -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    stack.provider.listed.pop(standing.token_id)
    stack.provider.put(minted("5"), ORPHAN)
    stack.store.keep(token("6", state=State.REVOKED))
    stack.provider.put(minted("6"), ORPHAN)
    before = snapshot(stack.store)
    stack.store.calls.clear()

    assert set(found(stack)) == {"fine", "lost", "unrecorded", "reappeared"}
    assert snapshot(stack.store) == before
    assert set(stack.store.calls) == {"tokens.all", "leases.open_intent_ids", "tokens.broker_id"}
    assert not stack.provider.revoked


# What is done


def test_an_unrecorded_token_is_adopted_beside_the_current_one() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.provider.put(minted("5"), ORPHAN)

    assert applied(stack)["adopted"] == ["5"]

    adopted = record(stack, "5")
    assert (adopted.state, adopted.access_token, adopted.title) == (State.STANDING, "value-of-5", "Made by us")
    (line,) = adopted.history
    assert (line.by, line.before, line.after, line.reason) == ("ann", None, State.STANDING, Reason.RECONCILED)
    assert (adopted.provider, adopted.requested_by) == ("shopify", "ann")
    assert told(stack) == [("TokenIssued", "5", "reconciled")]
    assert stack.telemetry.total("TokensIssued") == 2 + 1
    assert found(stack)["fine"] == ["1001", "1002", "5"]


def test_a_lost_standing_token_is_served_no_more() -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    stack.provider.listed.pop(standing.token_id)

    assert applied(stack) == {**NOTHING, "lost": [standing.token_id]}

    missed = record(stack, standing.token_id)
    assert (missed.state, missed.access_token) == (State.LOST, None)
    assert (missed.history[-1].by, missed.history[-1].reason) == ("ann", Reason.LOST)
    assert told(stack) == [("TokenRevoked", standing.token_id, "lost")]
    assert stack.telemetry.notices == [("token_lost", {"merchant": "acme", "token_id": standing.token_id})]
    assert stack.telemetry.total("TokensLost") == 1
    assert len(stack.provider.mints) == 2


def test_a_lost_current_token_has_a_successor() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    shop_token(stack.call(), "acme")
    stack.provider.listed.pop(current.token_id)

    assert applied(stack) == {**NOTHING, "lost": [current.token_id], "minted": "1003"}

    assert shop_token(stack.call(), "acme").token_id == "1003", "memory has forgotten the lost one"
    assert record(stack, "1003").state is State.CURRENT
    assert told(stack) == [("TokenRevoked", current.token_id, "lost"), ("TokenIssued", "1003", "minted")]


def lose_without_a_successor(stack: ListingSurroundings, current: Token) -> None:
    """Mark the token as lost while the provider makes no other."""
    stack.provider.listed.pop(current.token_id)
    stack.provider.script = [down()]
    with pytest.raises(ProviderUnavailable):
        applied(stack)


def test_a_successor_that_could_not_be_made_is_made_the_next_time() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    lose_without_a_successor(stack, current)
    assert stack.store.leases.state("acme", SHOP).token is None

    assert applied(stack)["minted"] == "1003"
    assert applied(stack)["minted"] is None


def test_a_successor_that_another_call_has_made_is_not_called_ours() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    lose_without_a_successor(stack, current)
    during_the_list(stack, lambda: shop_token(stack.call(), "acme"))

    assert applied(stack)["minted"] is None
    assert shop_token(stack.call(), "acme").token_id == "1003"


def test_a_token_that_was_lost_after_others_were_revoked_has_a_successor() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    revoke(stack.listing_call(), "acme", current.token_id)
    stack.clock.advance(1)
    lost_one = shop_token(stack.call(), "acme")
    settle(stack)
    lose_without_a_successor(stack, lost_one)

    assert applied(stack)["minted"] == "1004"


def test_no_successor_is_made_of_a_token_that_somebody_has_ended() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    stack.provider.listed.pop(current.token_id)
    applied(stack)
    stack.clock.advance(1)
    revoke(stack.listing_call(), "acme", "1003")
    settle(stack)

    assert applied(stack)["minted"] is None
    assert stack.store.leases.state("acme", SHOP).token is None


def test_a_revoked_token_that_is_listed_is_to_be_revoked_again() -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    at_the_provider = stack.provider.listed[standing.token_id]
    revoke(stack.listing_call(), "acme", standing.token_id)
    settle(stack)
    stack.provider.listed[standing.token_id] = at_the_provider
    stack.provider.revoked.clear()

    assert applied(stack)["revoking"] == [standing.token_id]

    line = record(stack, standing.token_id).history[-1]
    assert (line.before, line.after, line.reason) == (State.REVOKED, State.REVOKING, Reason.RECONCILED)
    assert stack.provider.revoked == [], "the clock asks, with its patience"
    maintain(stack.listing_call(), "acme", stack.store.due_items("acme"))
    assert (stack.provider.revoked, record(stack, standing.token_id).state) == ([standing.token_id], State.REVOKED)


def test_a_lost_token_that_is_listed_again_stands_beside_the_one_that_took_its_place() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    at_the_provider = stack.provider.listed.pop(current.token_id)
    applied(stack)
    settle(stack)
    stack.provider.listed[current.token_id] = at_the_provider

    assert applied(stack)["broughtBack"] == [current.token_id]

    back = record(stack, current.token_id)
    assert (back.state, back.access_token) == (State.STANDING, current.access_token)
    assert told(stack)[-1] == ("TokenIssued", current.token_id, "reconciled")
    assert stack.telemetry.total("TokensIssued") == 3 + 1
    assert shop_token(stack.call(), "acme").token_id == "1003"
    assert set(found(stack)) == {"fine"}


def test_a_lost_token_that_was_retiring_is_to_be_revoked_when_it_is_listed_again() -> None:
    stack = listing_stack()
    with_two(stack)
    retiring = stack.store.keep(token("7", state=State.RETIRING))
    stack.store.corrections.mark_lost(retiring, Change("ann", Reason.LOST))
    stack.provider.put(minted("7"), ORPHAN)
    settle(stack)

    assert applied(stack)["revoking"] == ["7"]
    assert record(stack, "7").state is State.REVOKING
    assert (record(stack, "7").history[-1].by, record(stack, "7").history[-1].reason) == ("ann", Reason.ROTATED)
    maintain(stack.listing_call(), "acme", stack.store.due_items("acme"))
    assert "7" not in stack.provider.listed


def test_foreign_tokens_are_never_touched() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.provider.put(minted("5"), "Theirs")
    stack.provider.put(minted("6"), tag_title("T", "otherone", INTENT))

    assert applied(stack) == NOTHING
    assert {"5", "6"} <= set(stack.provider.listed)
    assert ("acme", SHOP, "5") not in stack.store.records


def test_of_two_at_once_one_does_each_thing() -> None:
    stack = listing_stack()
    current, standing = with_two(stack)
    stack.provider.listed.pop(current.token_id)
    stack.provider.put(minted("5"), ORPHAN)
    others: list[dict[str, Any]] = []
    stack.store.before["corrections.adopt"].append(lambda: others.append(applied(stack)))

    assert applied(stack) == NOTHING
    assert others == [{**NOTHING, "adopted": ["5"], "lost": [current.token_id], "minted": "1003"}]
    assert sorted(event for event, _, _ in told(stack)) == ["TokenIssued", "TokenIssued", "TokenRevoked"]
    assert record(stack, standing.token_id).state is State.STANDING


def test_what_is_revoked_between_the_look_and_the_mark_stays_so() -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    stack.provider.listed.pop(standing.token_id)
    stack.store.before["corrections.mark_lost"].append(lambda: stack.store.tokens.mark_revoking(standing, BY_ANN))

    assert applied(stack)["lost"] == []
    assert record(stack, standing.token_id).state is State.REVOKING


# When everything is lost


def fifty(stack: ListingSurroundings) -> None:
    for number in range(50):
        stack.store.keep(token(str(100 + number), state=State.STANDING))
        stack.provider.put(minted(str(100 + number)), ORPHAN)
    settle(stack)


def test_an_empty_list_is_not_believed_at_the_first_look() -> None:
    stack = listing_stack()
    fifty(stack)
    there = dict(stack.provider.listed)
    stack.provider.listed.clear()
    stack.clock.plan(RECHECK_DELAY, lambda: stack.provider.listed.update(there))

    assert applied(stack)["lost"] == []
    assert stack.telemetry.notices == [("provider_list_has_none_of_ours", {"merchant": "acme", "records": 50})]
    assert stack.provider.list_calls == 2


def test_a_second_look_that_says_the_same_is_believed() -> None:
    stack = listing_stack()
    fifty(stack)
    stack.provider.listed.clear()
    stack.provider.put(minted("5"), "Somebody else's")

    assert len(applied(stack)["lost"]) == 50
    assert stack.clock.sleeps == [RECHECK_DELAY]


def test_what_only_the_second_look_misses_waits_for_another_day() -> None:
    stack = listing_stack()
    with_two(stack)
    there = dict(stack.provider.listed)
    stack.provider.listed.clear()

    def others_are_missing() -> None:
        stack.store.keep(replace(token("9", state=State.STANDING), issued_at=0))
        stack.store.keep(replace(token("8", state=State.STANDING), issued_at=int(stack.clock.now())))

    stack.clock.plan(RECHECK_DELAY, others_are_missing)

    result = compared(stack)
    assert (sorted(result["tokens"]["lost"]), sorted(result["tokens"]["inFlight"])) == (sorted(there), ["8", "9"])


def test_a_provider_that_is_down_at_the_second_look_loses_nothing() -> None:
    stack = listing_stack()
    fifty(stack)
    stack.provider.listed.clear()
    stack.clock.plan(RECHECK_DELAY, lambda: stack.provider.failures["list"].append(down()))

    with pytest.raises(ProviderUnavailable):
        applied(stack)
    assert {each.state for each in stack.store.records.values()} == {State.STANDING}


def test_one_of_many_is_believed_at_once() -> None:
    stack = listing_stack()
    fifty(stack)
    stack.provider.listed.pop("107")

    assert applied(stack)["lost"] == ["107"]
    assert stack.provider.list_calls == 1


# What keeps it from its end


def test_an_unknown_merchant_leaves_nothing() -> None:
    stack = listing_stack()

    with pytest.raises(MerchantNotFound):
        reconcile(stack.listing_call(), "nobody", apply=True)

    assert (stack.store.reconciliation_items, stack.provider.list_calls) == ({}, 0)


@pytest.mark.parametrize("failure", [down(), ProviderRejectedCredentials("No.")])
def test_a_provider_that_gives_no_list_changes_nothing(failure: ProviderFailure) -> None:
    stack = listing_stack()
    _, standing = with_two(stack)
    stack.provider.failures["list"] = [failure, failure]

    with pytest.raises(type(failure)):
        applied(stack)
    assert record(stack, standing.token_id).state is State.STANDING


def test_a_storage_that_fails_midway_is_done_with_the_next_time() -> None:
    stack = listing_stack()
    with_two(stack)
    for number in ("5", "6"):
        stack.provider.put(minted(number), ORPHAN)
    stack.store.before["corrections.adopt"] += [lambda: None]
    stack.store.after["corrections.adopt"] += [
        lambda: stack.store.refuse("corrections.adopt", StorageUnavailable("Down."))
    ]

    with pytest.raises(StorageUnavailable):
        applied(stack)

    assert applied(stack)["adopted"] == ["6"]


# Headroom


def crowd(stack: ListingSurroundings, used: int) -> None:
    """So many tokens at the provider, all of them somebody else's."""
    stack.provider.listed.clear()
    for number in range(used):
        stack.provider.put(minted(str(number)), "Theirs")


def near(stack: ListingSurroundings) -> list[object]:
    """Return the headroom events since the last call."""
    heard: list[object] = [event.detail["headroom"] for event in stack.store.told if event.type == "TokenLimitNear"]
    stack.store.told.clear()
    return heard


def test_few_places_left_are_told_once_a_day() -> None:
    stack = listing_stack()
    crowd(stack, 100 - WARN_BELOW_SLOTS)
    applied(stack)
    assert near(stack) == []

    crowd(stack, 101 - WARN_BELOW_SLOTS)
    heard = []
    for _ in range(9):
        applied(stack)
        heard.append(near(stack))
        stack.clock.advance(DAY / 4)

    assert heard == [[19], [], [], [], [19], [], [], [], [19]]


def test_they_are_told_once_however_soon_the_next_look_is() -> None:
    stack = listing_stack()
    crowd(stack, 95)
    applied(stack)
    (event,) = [event for event in stack.store.told if event.type == "TokenLimitNear"]
    assert (event.provider, event.merchant) == ("shopify", "acme")
    near(stack)

    applied(stack)

    assert near(stack) == []


def test_they_are_told_again_where_there_was_room_in_between() -> None:
    stack = listing_stack()
    heard = []
    for used in (95, 50, 96):
        crowd(stack, used)
        applied(stack)
        heard.append(near(stack))

    assert heard == [[5], [], [4]]


def test_a_clock_that_has_jumped_back_is_not_silent_for_ever() -> None:
    stack = listing_stack()
    crowd(stack, 95)
    applied(stack)
    near(stack)
    stack.clock._now -= 300 * DAY

    applied(stack)

    assert near(stack) == [5]


def test_of_two_at_once_one_tells_it() -> None:
    stack = listing_stack()
    crowd(stack, 95)
    stack.store.before["reconciliations.complete"].append(lambda: applied(stack))

    applied(stack)

    assert near(stack) == [5]


def test_the_headroom_is_a_metric_of_every_look() -> None:
    stack = listing_stack()
    crowd(stack, 101)

    assert compared(stack)["headroom"] == 0
    assert ("TokenLimitHeadroom", 0, "Count") in stack.telemetry.counts


def test_a_provider_without_a_limit_has_no_headroom() -> None:
    stack = listing_stack()
    stack.provider.capabilities = Capabilities(lists=True, revokes=True, supports_title_tag=True)
    crowd(stack, 95)

    result = compared(stack, apply=True)

    assert (result["limit"], result["headroom"], near(stack)) == (None, None, [])


# The clock


def work(stack: ListingSurroundings) -> dict[str, int]:
    done: dict[str, int] = maintain(stack.listing_call(), "acme", stack.store.due_items("acme"))
    return done


def due_in(stack: ListingSurroundings) -> float | None:
    due_at = stack.store.reconciliation_items["acme"].due_at
    return None if due_at is None else due_at - stack.clock.now()


def test_all_merchants_are_looked_at_within_a_day_and_not_all_at_once() -> None:
    assert [next_reconciliation(1000, jitter) - 1000 for jitter in (0.0, 0.5, 1.0)] == [DAY, DAY * 7 // 8, DAY * 3 // 4]


@pytest.mark.parametrize(
    "mint",
    [
        lambda stack: shop_token(stack.call(), "acme"),
        lambda stack: standing_token(stack.listing_call(), "acme", "T", None),
    ],
)
def test_the_clock_comes_back_from_the_first_token_on(mint: Callable[[ListingSurroundings], object]) -> None:
    stack = listing_stack()
    mint(stack)

    assert due_in(stack) == DAY * 7 / 8
    stack.clock.advance(DAY)
    assert stack.store.due_items("acme") == ["reconciliation#shop"]


def test_it_is_watched_before_the_provider_is_asked() -> None:
    stack = listing_stack()
    stack.store.refuse("reconciliations.schedule", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        shop_token(stack.call(), "acme")
    assert stack.provider.mints == []


def test_the_clock_puts_right_and_comes_back_tomorrow() -> None:
    stack = listing_stack()
    current, _ = with_two(stack)
    stack.provider.listed.pop(current.token_id)
    stack.provider.put(minted("5"), ORPHAN)
    stack.clock.advance(DAY)

    assert work(stack) == {"done": 1, "putOff": 0, "left": 0}

    assert record(stack, "5").history[0].by == "clock"
    assert record(stack, current.token_id).state is State.LOST
    assert shop_token(stack.call(), "acme").token_id == "1003"
    assert due_in(stack) == DAY * 7 / 8
    assert work(stack) == {"done": 0, "putOff": 0, "left": 0}


def test_the_clock_ends_what_it_has_read_and_nothing_newer() -> None:
    """Who was faster in between has told, and set the next time; that stays."""
    stack = listing_stack()
    with_two(stack)
    stack.clock.advance(DAY)
    crowd(stack, 95)
    during_the_list(stack, lambda: applied(stack))

    work(stack)

    assert near(stack) == [5]
    assert stack.store.calls.count("reconciliations.get") == 2, "one by each"


def test_what_the_clock_cannot_end_is_put_off_longer_each_time() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.clock.advance(DAY)
    pauses = []
    for _ in range(3):
        stack.provider.failures["list"] = [down()]
        assert work(stack) == {"done": 0, "putOff": 1, "left": 0}
        pauses.append(due_in(stack))
        stack.clock.advance(pauses[-1] or 0)

    assert pauses == [45, 90, 180]
    assert stack.telemetry.total("ReconciliationsFailed") == 3
    assert work(stack) == {"done": 1, "putOff": 0, "left": 0}
    assert stack.store.reconciliation_items["acme"].tries == 0


def test_one_on_demand_is_the_days_for_the_clock() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.clock.advance(DAY)
    applied(stack)

    assert stack.store.due_items("acme") == []


def test_a_merchant_who_is_gone_is_looked_after_no_more() -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    revoke(stack.listing_call(), "acme", made.token_id)
    stack.secrets.delete("acme")
    stack.clock.advance(DAY)

    assert work(stack) == {"done": 1, "putOff": 0, "left": 0}
    assert due_in(stack) is None

    stack.secrets.stored["acme"] = {"key": "first-key"}
    shop_token(stack.call(), "acme")
    assert due_in(stack) is not None, "until it is back"


@pytest.mark.parametrize("pending", [False, True])
def test_one_who_still_has_a_token_is_kept(*, pending: bool) -> None:
    stack = listing_stack()
    made = standing_token(stack.listing_call(), "acme", "T", None)
    if pending:
        stack.provider.failures["revoke"] = [down()]
        revoke(stack.listing_call(), "acme", made.token_id)
        stack.store.pending["acme", made.token_id] = (0, int(stack.clock.now() + 9 * DAY), 1, Reason.REQUESTED)
    stack.secrets.delete("acme")
    stack.clock.advance(DAY)

    assert work(stack) == {"done": 0, "putOff": 1, "left": 0}
    assert MAX_PAUSE / 2 <= (due_in(stack) or 0) <= MAX_PAUSE


def test_a_message_that_comes_twice_finds_nothing_due() -> None:
    stack = listing_stack()
    with_two(stack)
    stack.clock.advance(DAY)
    work(stack)
    lists = stack.provider.list_calls

    again = maintain(stack.listing_call(), "acme", ["reconciliation#shop"])

    assert (again, stack.provider.list_calls) == ({"done": 0, "putOff": 0, "left": 1}, lists)
