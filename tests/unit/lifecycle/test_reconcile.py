"""Our records against the provider's list: what is found, what is done about it, and what is left alone."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import BY_ANN, minted, token
from tests.fakes.store import BROKER_ID, MemoryStore
from tests.fakes.surroundings import DAY, ListingStack
from tests.unit.lifecycle.worker_runs import record, result, states, work
from token_broker.clock import Deadline
from token_broker.domain.delays import MAX_PAUSE, next_reconciliation
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import Change, ProviderToken, Reason, State, Token
from token_broker.errors import (
    MerchantNotFound,
    ProviderFailure,
    ProviderRejectedCredentials,
    ProviderUnavailable,
    StorageUnavailable,
)
from token_broker.lifecycle.reconcile import RECHECK_DELAY, WARN_BELOW_SLOTS, reconcile
from token_broker.ports.provider import Account, Capabilities, ListedToken, MintRequest
from token_broker.tokens.inventory import SETTLED_AFTER, Finding
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

INTENT = "d" * 26
ORPHAN = tag_title("Made by us", BROKER_ID, INTENT)
ANOTHER_STACKS = tag_title("T", "otherone", INTENT)
NOTHING: dict[str, Any] = {"adopted": [], "broughtBack": [], "revoking": [], "lost": [], "minted": None}

type Two = tuple[Token, Token]


def compared(stack: ListingStack, *, apply: bool = False) -> dict[str, Any]:
    return reconcile(stack.listing_call("ann"), "acme", apply=apply)


def applied(stack: ListingStack) -> dict[str, Any]:
    done: dict[str, Any] = compared(stack, apply=True)["done"]
    return done


def found(stack: ListingStack) -> dict[str, list[str]]:
    """Return the findings that are not empty."""
    return {name: ids for name, ids in compared(stack)["tokens"].items() if ids}


def told(stack: ListingStack) -> list[tuple[str, object, object]]:
    return [(event.type, event.detail.get("tokenId"), event.detail.get("why")) for event in stack.store.told]


def settle(stack: ListingStack) -> None:
    stack.clock.advance(SETTLED_AFTER)


def make_current(stack: ListingStack) -> Token:
    return shop_token(stack.call(), "acme")


def make_standing(stack: ListingStack) -> Token:
    return standing_token(stack.listing_call(), "acme", "T", None)


def end(stack: ListingStack, ended: Token) -> None:
    """Revoke a token, as an operator."""
    revoke(stack.listing_call(), "acme", ended.token_id)


def end_in_vain(stack: ListingStack, token_id: str) -> None:
    stack.provider.failures["revoke"] = [down()]
    revoke(stack.listing_call(), "acme", token_id, foreign=True)


@pytest.fixture
def two(stack: ListingStack) -> Two:
    """Build a shop with a current and a standing token, both old enough for every list. No event is out yet."""
    both = make_current(stack), make_standing(stack)
    settle(stack)
    stack.store.told.clear()
    return both


def snapshot(store: MemoryStore) -> object:
    return repr((store.subjects, store.standing, store.records, store.pending, store.reconciliation_items, store.told))


# What is found


def test_what_both_know_is_fine(stack: ListingStack, two: Two) -> None:
    assert compared(stack) == {
        "applied": False,
        "used": 2,
        "limit": 100,
        "headroom": 98,
        "counts": {**{finding.value: 0 for finding in Finding}, "fine": 2},
        "tokens": {**{finding.value: [] for finding in Finding}, "fine": [each.token_id for each in two]},
        "done": NOTHING,
    }


@pytest.mark.parametrize(
    ("state", "title", "finding"),
    [
        (None, None, None),
        *((None, title, "foreign") for title in ("API Client Extension", ANOTHER_STACKS, "")),
        (None, ORPHAN, "unrecorded"),
        *((state, None, "lost") for state in (State.CURRENT, State.STANDING, State.RETIRING)),
        *((state, None, None) for state in (State.REVOKING, State.REVOKED, State.LOST)),
        (State.REVOKING, ORPHAN, "fine"),
    ],
)
def test_a_token_is_found_by_its_record_and_its_title(
    stack: ListingStack, state: State | None, title: str | None, finding: str | None
) -> None:
    if state is not None:
        stack.store.keep(token("7", state=state))
    if title is not None:
        stack.provider.put(minted("7"), title)
    settle(stack)

    assert found(stack) == ({} if finding is None else {finding: ["7"]})


def test_a_foreign_token_that_an_operator_has_revoked_is_foreign_still(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), "Theirs")
    end_in_vain(stack, "5")

    assert found(stack) == {"foreign": ["5"]}


@pytest.mark.parametrize(
    ("account_id", "value", "finding"),
    [("old.example", None, "elsewhere"), ("old.example", "value-of-7", "elsewhere"), ("", "another", "differing")],
)
def test_a_record_of_another_shop_or_value_is_shown_and_left_alone(
    stack: ListingStack, account_id: str, value: str | None, finding: str
) -> None:
    stack.store.keep(token("7", account_id=account_id))
    if value is not None:
        stack.provider.put(minted("7", access_token=value), ORPHAN)
    settle(stack)
    before = snapshot(stack.store)

    assert found(stack) == {finding: ["7"]}
    assert not any(applied(stack).values())
    stack.store.reconciliation_items.clear()
    assert snapshot(stack.store) == before


def test_a_record_from_before_shops_were_written_down_is_of_this_one(stack: ListingStack) -> None:
    stack.provider.account_id = "acme.example"
    stack.store.keep(token("7", account_id=""))
    stack.provider.put(minted("7"), ORPHAN)

    assert found(stack) == {"fine": ["7"]}


@pytest.mark.usefixtures("two")
def test_no_value_is_in_an_answer(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), ORPHAN)
    stack.provider.put(minted("6", access_token="their-value"), "Theirs")

    assert "value" not in str(compared(stack, apply=True))


# What is in flight


def during_the_list(stack: ListingStack, action: Callable[[], object], *, after: bool = True) -> None:
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


def test_what_is_being_made_is_in_flight(stack: ListingStack) -> None:
    seen: list[dict[str, list[str]]] = []

    def make_and_look(_account: Account, order: MintRequest) -> ProviderToken:
        made = stack.provider.make(order)
        seen.append(found(stack))
        return made

    stack.provider.script = [make_and_look]
    make_standing(stack)

    assert seen == [{"inFlight": ["1001"]}]
    assert found(stack) == {"fine": ["1001"]}


@pytest.mark.parametrize("key", [None, "key-1"])
def test_a_lost_answers_token_is_left_to_its_intent(stack: ListingStack, key: str | None) -> None:
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        standing_token(stack.listing_call(), "acme", "T", key)
    settle(stack)

    assert found(stack) == {"inFlight": ["1001"]}
    assert applied(stack)["adopted"] == []
    assert stack.store.records == {}


@pytest.mark.parametrize(("after", "listed"), [(True, ["1001", "1002"]), (False, ["1001", "1002", "1003"])])
@pytest.mark.usefixtures("two")
def test_what_is_made_while_the_list_is_written_is_neither_lost_nor_unrecorded(
    stack: ListingStack, *, after: bool, listed: list[str]
) -> None:
    during_the_list(stack, lambda: make_standing(stack), after=after)

    assert found(stack) == {"fine": listed}


def test_what_is_revoked_while_the_list_is_written_has_not_reappeared(stack: ListingStack, two: Two) -> None:
    current, standing = two
    during_the_list(stack, lambda: end(stack, standing))

    assert found(stack) == {"fine": [current.token_id], "inFlight": [standing.token_id]}


def test_what_is_made_and_revoked_while_the_list_is_written_has_not_reappeared(stack: ListingStack) -> None:
    def make_and_revoke() -> None:
        end(stack, make_standing(stack))
        stack.provider.put(minted("1001"), ORPHAN)

    during_the_list(stack, make_and_revoke, after=False)

    assert found(stack) == {"inFlight": ["1001"]}


def end_and_list(stack: ListingStack, ended: Token) -> None:
    """Revoke a token that the provider lists all the same."""
    at_the_provider = stack.provider.listed[ended.token_id]
    end(stack, ended)
    stack.provider.listed[ended.token_id] = at_the_provider
    stack.provider.revoked.clear()


def test_what_was_revoked_a_moment_ago_may_still_be_in_a_list(stack: ListingStack, two: Two) -> None:
    current, standing = two
    end_and_list(stack, standing)
    stack.clock.advance(SETTLED_AFTER - 1)

    assert found(stack) == {"fine": [current.token_id], "inFlight": [standing.token_id]}
    stack.clock.advance(1)
    assert found(stack) == {"fine": [current.token_id], "reappeared": [standing.token_id]}


def test_what_was_recorded_a_moment_ago_may_be_missing_in_a_list(stack: ListingStack, two: Two) -> None:
    fresh = make_standing(stack)
    stack.provider.listed.pop(fresh.token_id)
    stack.clock.advance(SETTLED_AFTER - 1)

    assert found(stack) == {"fine": [each.token_id for each in two], "inFlight": [fresh.token_id]}
    stack.clock.advance(1)
    assert found(stack)["lost"] == [fresh.token_id]


def test_a_clock_that_has_jumped_back_loses_nothing(stack: ListingStack, two: Two) -> None:
    stack.provider.listed.pop(two[1].token_id)
    stack.clock.advance(-DAY)

    assert found(stack)["inFlight"] == [two[1].token_id]
    assert applied(stack)["lost"] == []
    assert record(stack, two[1].token_id).state is State.STANDING


# A dry run


def test_a_dry_run_writes_nothing_at_all(stack: ListingStack, two: Two) -> None:
    stack.provider.listed.pop(two[1].token_id)
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


@pytest.mark.usefixtures("two")
def test_an_unrecorded_token_is_adopted_beside_the_current_one(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), ORPHAN)
    stack.provider.put(minted("6"), "Theirs")
    stack.provider.put(minted("7"), ANOTHER_STACKS)

    assert applied(stack) == {**NOTHING, "adopted": ["5"]}

    assert set(states(stack)) == {"1001", "1002", "5"}, "foreign tokens are never touched"
    assert {"6", "7"} <= set(stack.provider.listed)
    adopted = record(stack, "5")
    assert (adopted.state, adopted.access_token, adopted.title) == (State.STANDING, "value-of-5", "Made by us")
    (line,) = adopted.history
    assert (line.by, line.before, line.after, line.reason) == ("ann", None, State.STANDING, Reason.RECONCILED)
    assert (adopted.provider, adopted.requested_by) == ("shopify", "ann")
    assert told(stack) == [("TokenIssued", "5", "reconciled")]
    assert stack.telemetry.total("TokensIssued") == 2 + 1
    assert found(stack)["fine"] == ["1001", "1002", "5"]


def test_a_lost_standing_token_is_served_no_more(stack: ListingStack, two: Two) -> None:
    standing = two[1].token_id
    stack.provider.listed.pop(standing)

    assert applied(stack) == {**NOTHING, "lost": [standing]}

    missed = record(stack, standing)
    assert (missed.state, missed.access_token) == (State.LOST, None)
    assert (missed.history[-1].by, missed.history[-1].reason) == ("ann", Reason.LOST)
    assert told(stack) == [("TokenRevoked", standing, "lost")]
    assert stack.telemetry.notices == [("token_lost", {"merchant": "acme", "token_id": standing})]
    assert stack.telemetry.total("TokensLost") == 1
    assert len(stack.provider.mints) == 2


def test_a_lost_current_token_has_a_successor(stack: ListingStack, two: Two) -> None:
    current = two[0].token_id
    make_current(stack)
    stack.provider.listed.pop(current)

    assert applied(stack) == {**NOTHING, "lost": [current], "minted": "1003"}

    assert make_current(stack).token_id == "1003", "memory has forgotten the lost one"
    assert record(stack, "1003").state is State.CURRENT
    assert told(stack) == [("TokenRevoked", current, "lost"), ("TokenIssued", "1003", "minted")]


def lose_without_a_successor(stack: ListingStack, current: Token) -> None:
    """Mark the token as lost while the provider makes no other."""
    stack.provider.listed.pop(current.token_id)
    stack.provider.script = [down()]
    with pytest.raises(ProviderUnavailable):
        applied(stack)


def test_a_successor_that_could_not_be_made_is_made_the_next_time(stack: ListingStack, two: Two) -> None:
    lose_without_a_successor(stack, two[0])
    assert stack.store.leases.state("acme", "shop").token is None

    assert [applied(stack)["minted"] for _ in range(2)] == ["1003", None]


def test_a_successor_that_another_call_has_made_is_not_called_ours(stack: ListingStack, two: Two) -> None:
    lose_without_a_successor(stack, two[0])
    during_the_list(stack, lambda: make_current(stack))

    assert applied(stack)["minted"] is None
    assert make_current(stack).token_id == "1003"


def test_a_token_that_was_lost_after_others_were_revoked_has_a_successor(stack: ListingStack, two: Two) -> None:
    end(stack, two[0])
    stack.clock.advance(1)
    lost_one = make_current(stack)
    settle(stack)
    lose_without_a_successor(stack, lost_one)

    assert applied(stack)["minted"] == "1004"


def test_no_successor_is_made_of_a_token_that_somebody_has_ended(stack: ListingStack, two: Two) -> None:
    stack.provider.listed.pop(two[0].token_id)
    applied(stack)
    stack.clock.advance(1)
    end(stack, record(stack, "1003"))
    settle(stack)

    assert applied(stack)["minted"] is None
    assert stack.store.leases.state("acme", "shop").token is None


def test_a_revoked_token_that_is_listed_is_to_be_revoked_again(stack: ListingStack, two: Two) -> None:
    standing = two[1].token_id
    end_and_list(stack, two[1])
    settle(stack)

    assert applied(stack)["revoking"] == [standing]

    line = record(stack, standing).history[-1]
    assert (line.before, line.after, line.reason) == (State.REVOKED, State.REVOKING, Reason.RECONCILED)
    assert stack.provider.revoked == [], "the clock asks, with its patience"
    work(stack)
    assert (stack.provider.revoked, record(stack, standing).state) == ([standing], State.REVOKED)


def test_a_lost_token_that_is_listed_again_stands_beside_the_one_that_took_its_place(
    stack: ListingStack, two: Two
) -> None:
    current = two[0]
    at_the_provider = stack.provider.listed.pop(current.token_id)
    applied(stack)
    settle(stack)
    stack.provider.listed[current.token_id] = at_the_provider

    assert applied(stack)["broughtBack"] == [current.token_id]

    back = record(stack, current.token_id)
    assert (back.state, back.access_token) == (State.STANDING, current.access_token)
    assert told(stack)[-1] == ("TokenIssued", current.token_id, "reconciled")
    assert stack.telemetry.total("TokensIssued") == 3 + 1
    assert make_current(stack).token_id == "1003"
    assert set(found(stack)) == {"fine"}


@pytest.mark.usefixtures("two")
def test_a_lost_token_that_was_retiring_is_to_be_revoked_when_it_is_listed_again(stack: ListingStack) -> None:
    retiring = stack.store.keep(token("7", state=State.RETIRING))
    stack.store.corrections.mark_lost(retiring, Change("ann", Reason.LOST))
    stack.provider.put(minted("7"), ORPHAN)
    settle(stack)

    assert applied(stack)["revoking"] == ["7"]
    assert record(stack, "7").state is State.REVOKING
    assert (record(stack, "7").history[-1].by, record(stack, "7").history[-1].reason) == ("ann", Reason.ROTATED)
    work(stack)
    assert "7" not in stack.provider.listed


def test_of_two_at_once_one_does_each_thing(stack: ListingStack, two: Two) -> None:
    current, standing = two
    stack.provider.listed.pop(current.token_id)
    stack.provider.put(minted("5"), ORPHAN)
    others: list[dict[str, Any]] = []
    stack.store.before["corrections.adopt"].append(lambda: others.append(applied(stack)))

    assert applied(stack) == NOTHING
    assert others == [{**NOTHING, "adopted": ["5"], "lost": [current.token_id], "minted": "1003"}]
    assert sorted(event for event, _, _ in told(stack)) == ["TokenIssued", "TokenIssued", "TokenRevoked"]
    assert record(stack, standing.token_id).state is State.STANDING


def test_what_is_revoked_between_the_look_and_the_mark_stays_so(stack: ListingStack, two: Two) -> None:
    standing = two[1]
    stack.provider.listed.pop(standing.token_id)
    stack.store.before["corrections.mark_lost"].append(lambda: stack.store.tokens.mark_revoking(standing, BY_ANN))

    assert applied(stack)["lost"] == []
    assert record(stack, standing.token_id).state is State.REVOKING


# When everything is lost


@pytest.fixture
def fifty(stack: ListingStack) -> dict[str, ListedToken]:
    """Build a shop with fifty standing tokens, and return them as the provider lists them. Then it lists none."""
    for number in range(100, 150):
        stack.store.keep(token(str(number), state=State.STANDING))
        stack.provider.put(minted(str(number)), ORPHAN)
    settle(stack)
    listed = dict(stack.provider.listed)
    stack.provider.listed.clear()
    return listed


def test_an_empty_list_is_not_believed_at_the_first_look(stack: ListingStack, fifty: dict[str, ListedToken]) -> None:
    stack.clock.plan(RECHECK_DELAY, lambda: stack.provider.listed.update(fifty))

    assert applied(stack)["lost"] == []
    assert stack.telemetry.notices == [("provider_list_has_none_of_ours", {"merchant": "acme", "records": 50})]
    assert stack.provider.list_calls == 2


@pytest.mark.usefixtures("fifty")
def test_a_second_look_that_says_the_same_is_believed(stack: ListingStack) -> None:
    stack.provider.put(minted("5"), "Somebody else's")

    assert len(applied(stack)["lost"]) == 50
    assert stack.clock.sleeps == [RECHECK_DELAY]


def test_what_only_the_second_look_misses_waits_for_another_day(stack: ListingStack, two: Two) -> None:
    stack.provider.listed.clear()

    def others_are_missing() -> None:
        stack.store.keep(replace(token("9", state=State.STANDING), issued_at=0))
        stack.store.keep(replace(token("8", state=State.STANDING), issued_at=int(stack.clock.now())))

    stack.clock.plan(RECHECK_DELAY, others_are_missing)

    tokens = compared(stack)["tokens"]
    assert (sorted(tokens["lost"]), sorted(tokens["inFlight"])) == ([each.token_id for each in two], ["8", "9"])


@pytest.mark.usefixtures("fifty")
def test_a_provider_that_is_down_at_the_second_look_loses_nothing(stack: ListingStack) -> None:
    stack.clock.plan(RECHECK_DELAY, lambda: stack.provider.failures["list"].append(down()))

    with pytest.raises(ProviderUnavailable):
        applied(stack)
    assert {each.state for each in stack.store.records.values()} == {State.STANDING}


def test_one_of_many_is_believed_at_once(stack: ListingStack, fifty: dict[str, ListedToken]) -> None:
    stack.provider.listed.update(fifty)
    stack.provider.listed.pop("107")

    assert applied(stack)["lost"] == ["107"]
    assert stack.provider.list_calls == 1


# What keeps it from its end


def test_an_unknown_merchant_leaves_nothing(stack: ListingStack) -> None:
    with pytest.raises(MerchantNotFound):
        reconcile(stack.listing_call(), "nobody", apply=True)

    assert (stack.store.reconciliation_items, stack.provider.list_calls) == ({}, 0)


@pytest.mark.parametrize("failure", [down(), ProviderRejectedCredentials("No.")])
def test_a_provider_that_gives_no_list_changes_nothing(stack: ListingStack, two: Two, failure: ProviderFailure) -> None:
    stack.provider.failures["list"] = [failure, failure]

    with pytest.raises(type(failure)):
        applied(stack)
    assert record(stack, two[1].token_id).state is State.STANDING


@pytest.mark.usefixtures("two")
def test_a_storage_that_fails_midway_is_done_with_the_next_time(stack: ListingStack) -> None:
    for number in ("5", "6"):
        stack.provider.put(minted(number), ORPHAN)
    stack.store.before["corrections.adopt"].append(lambda: None)
    stack.store.refuse("corrections.adopt", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        applied(stack)

    assert applied(stack)["adopted"] == ["6"]


# Headroom


def crowd(stack: ListingStack, used: int) -> None:
    """So many tokens at the provider, all of them somebody else's."""
    stack.provider.listed.clear()
    for number in range(used):
        stack.provider.put(minted(str(number)), "Theirs")


def near(stack: ListingStack, *, used: int | None = None) -> list[object]:
    """Reconcile, with so many tokens at the provider, and return the headroom of each event about it."""
    if used is not None:
        crowd(stack, used)
    stack.store.told.clear()
    applied(stack)
    events = [event for event in stack.store.told if event.type == "TokenLimitNear"]
    assert {(event.provider, event.merchant) for event in events} <= {("shopify", "acme")}
    return [event.detail["headroom"] for event in events]


def test_few_places_left_are_told_once_a_day(stack: ListingStack) -> None:
    assert near(stack, used=100 - WARN_BELOW_SLOTS) == []
    crowd(stack, 101 - WARN_BELOW_SLOTS)
    heard = []
    for wait in (0, 0, DAY - 1, 1, DAY):
        stack.clock.advance(wait)
        heard.append(near(stack))

    assert heard == [[19], [], [], [19], [19]]


def test_they_are_told_again_where_there_was_room_in_between(stack: ListingStack) -> None:
    assert [near(stack, used=used) for used in (95, 50, 96)] == [[5], [], [4]]


def test_a_clock_that_has_jumped_back_is_not_silent_for_ever(stack: ListingStack) -> None:
    near(stack, used=95)
    stack.clock.advance(-300 * DAY)

    assert near(stack) == [5]


def test_of_two_at_once_one_tells_it(stack: ListingStack) -> None:
    stack.store.before["reconciliations.complete"].append(lambda: applied(stack))

    assert near(stack, used=95) == [5]


def test_the_headroom_is_a_metric_of_every_look(stack: ListingStack) -> None:
    crowd(stack, 101)

    assert compared(stack)["headroom"] == 0
    assert ("TokenLimitHeadroom", 0, "Count") in stack.telemetry.counts


def test_a_provider_without_a_limit_has_no_headroom(stack: ListingStack) -> None:
    stack.provider.capabilities = Capabilities(lists=True, revokes=True, supports_title_tag=True)

    assert near(stack, used=95) == []
    assert (compared(stack)["limit"], compared(stack)["headroom"]) == (None, None)


# The clock


def due_in(stack: ListingStack) -> float | None:
    due_at = stack.store.reconciliation_items["acme"].due_at
    return None if due_at is None else due_at - stack.clock.now()


def test_all_merchants_are_looked_at_within_a_day_and_not_all_at_once() -> None:
    assert [next_reconciliation(1000, jitter) - 1000 for jitter in (0.0, 0.5, 1.0)] == [DAY, DAY * 7 // 8, DAY * 3 // 4]


@pytest.mark.parametrize("make", [make_current, make_standing])
def test_the_clock_comes_back_from_the_first_token_on(
    stack: ListingStack, make: Callable[[ListingStack], Token]
) -> None:
    make(stack)

    assert due_in(stack) == DAY * 7 / 8
    stack.clock.advance(DAY)
    assert stack.store.due_items("acme") == ["reconciliation#shop"]


def test_it_is_watched_before_the_provider_is_asked(stack: ListingStack) -> None:
    stack.store.refuse("reconciliations.schedule", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        make_current(stack)
    assert stack.provider.mints == []


def test_the_clock_puts_right_and_comes_back_tomorrow(stack: ListingStack, two: Two) -> None:
    stack.provider.listed.pop(two[0].token_id)
    stack.provider.put(minted("5"), ORPHAN)
    stack.clock.advance(DAY)

    assert work(stack) == result(done=1)

    assert record(stack, "5").history[0].by == "clock"
    assert record(stack, two[0].token_id).state is State.LOST
    assert make_current(stack).token_id == "1003"
    assert due_in(stack) == DAY * 7 / 8
    lists = stack.provider.list_calls
    assert work(stack, "reconciliation#shop") == result(left=1), "a message that comes twice"
    assert stack.provider.list_calls == lists


@pytest.mark.usefixtures("two")
def test_the_clock_ends_what_it_has_read_and_nothing_newer(stack: ListingStack) -> None:
    """Who was faster in between has told, and set the next time; that stays."""
    stack.clock.advance(DAY)
    crowd(stack, 95)
    during_the_list(stack, lambda: applied(stack))

    work(stack)

    assert [event.type for event in stack.store.told].count("TokenLimitNear") == 1
    assert stack.store.calls.count("reconciliations.get") == 2, "one by each"


@pytest.mark.usefixtures("two")
def test_what_the_clock_cannot_end_is_put_off_longer_each_time(stack: ListingStack) -> None:
    stack.clock.advance(DAY)
    pauses = []
    for _ in range(3):
        stack.provider.failures["list"] = [down()]
        assert work(stack) == result(put_off=1)
        pauses.append(due_in(stack))
        stack.clock.advance(pauses[-1] or 0)

    assert pauses == [45, 90, 180]
    assert stack.telemetry.total("ReconciliationsFailed") == 3
    assert work(stack) == result(done=1)
    assert stack.store.reconciliation_items["acme"].tries == 0


@pytest.mark.usefixtures("two")
def test_one_on_demand_is_the_days_for_the_clock(stack: ListingStack) -> None:
    stack.clock.advance(DAY)
    applied(stack)

    assert stack.store.due_items("acme") == []


def test_a_merchant_who_is_gone_is_looked_after_no_more(stack: ListingStack) -> None:
    end(stack, make_standing(stack))
    stack.secrets.delete("acme")
    stack.clock.advance(DAY)

    assert work(stack) == result(done=1)
    assert due_in(stack) is None

    stack.secrets.stored["acme"] = {"key": "first-key"}
    make_current(stack)
    assert due_in(stack) is not None, "until it is back"


@pytest.mark.parametrize("pending", [False, True])
def test_one_who_still_has_a_token_is_kept(stack: ListingStack, *, pending: bool) -> None:
    made = make_standing(stack)
    if pending:
        end_in_vain(stack, made.token_id)
        stack.store.pending["acme", made.token_id] = (0, int(stack.clock.now() + 9 * DAY), 1, Reason.REQUESTED)
    stack.secrets.delete("acme")
    stack.clock.advance(DAY)

    assert work(stack) == result(put_off=1)
    assert MAX_PAUSE / 2 <= (due_in(stack) or 0) <= MAX_PAUSE
