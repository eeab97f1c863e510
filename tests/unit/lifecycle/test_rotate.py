"""A rotation makes before it breaks, joins a recent request, and is continued by the scheduler from any point."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import BY_ANN, minted
from tests.fakes.store import BROKER_ID, OVERLAP
from tests.fakes.surroundings import CALLER, ListingStack, Surroundings, listing_stack, one_token_stack, session_stack
from tests.unit.lifecycle.worker_runs import due, record, secret_back, states, told
from tests.unit.lifecycle.worker_runs import work as run_worker
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.token import RevocationStatus, State
from token_broker.errors import (
    BrokerError,
    MerchantNotFound,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.lifecycle.rotate import JOIN_WINDOW, RETRY_AFTER_CALL, RotationReport, Unsupported, request, rotate
from token_broker.tokens.issue import shop_token
from token_broker.tokens.revoke import revoke
from token_broker.tokens.succession import CACHES_CLEARED_AFTER

ROTATED = {"1001": State.RETIRING, "1002": State.CURRENT}


@pytest.fixture
def stack() -> ListingStack:
    """Build a stack whose shop has the token 1001."""
    made = listing_stack()
    shop_token(made.call(), "acme")
    return made


def turn(stack: ListingStack, *, compromised: bool = False, seconds: float = 23) -> RotationReport:
    report = rotate(stack.listing_call(seconds=seconds), "acme", compromised=compromised)
    assert isinstance(report, RotationReport)
    return report


def state_of(report: RotationReport) -> str:
    return str(report.as_json()["state"])


def work(stack: ListingStack, after: float = 0) -> list[str]:
    """Run the worker so many seconds later, and return its items."""
    stack.clock.advance(after)
    items = due(stack)
    if items:
        run_worker(stack, *items)
    return items


def served(stack: ListingStack) -> str:
    """Return what another process serves, which has nothing in its cache."""
    stack.forget_memory()
    return shop_token(stack.call(), "acme").token_id


def is_open(stack: ListingStack) -> bool:
    return stack.store.rotation_items["acme"].open


# Make before break


def test_another_token_is_current_and_the_one_before_it_works_on(stack: ListingStack) -> None:
    now = int(stack.clock.now())
    assert shop_token(stack.call(), "acme").token_id == "1001"

    report = turn(stack)

    assert shop_token(stack.call(), "acme").token_id == "1002", "memory has forgotten the one before"
    assert served(stack) == "1002"
    assert states(stack) == ROTATED
    assert set(stack.provider.listed) == {"1001", "1002"}
    assert record(stack, "1001").access_token == "value-of-1001"
    assert [line.reason for line in record(stack, "1002").history] == ["rotated"]
    assert report.as_json() == {
        "rotationId": report.rotation.rotation_id,
        "state": "done",
        "compromised": False,
        "requestedAt": now,
        "previousTokenId": "1001",
        "tokenId": "1002",
        "overlapEndsAt": now + OVERLAP,
    }
    assert report.rotation._replace(due_at=0) == stack.store.rotation_items["acme"]._replace(due_at=0)
    assert stack.telemetry.total("TokensRotated") == 1


def test_until_the_new_one_is_stored_the_old_one_is_served(stack: ListingStack) -> None:
    looks: list[object] = []

    def look() -> None:
        looks.append(stack.store.subjects["acme", "shop"].current)

    stack.store.after["rotations.request"].append(look)
    stack.store.after["leases.acquire"].append(look)
    stack.provider.script = [stack.provider.make_after(look)]
    stack.store.before["leases.commit"].append(look)

    turn(stack)

    assert looks == [replace(record(stack, "1001"), state=State.CURRENT, history=record(stack, "1001").history[:1])] * 4


@pytest.mark.parametrize("overlap", [OVERLAP, 3600])
def test_the_old_one_is_revoked_at_the_provider_when_its_overlap_is_over(stack: ListingStack, overlap: int) -> None:
    if overlap != OVERLAP:
        stack.store.set_overlap("acme", overlap)

    assert turn(stack).overlap_ends_at == int(stack.clock.now()) + overlap

    assert work(stack, overlap - 1) == []
    assert "1001" in stack.provider.listed
    assert work(stack, 1) == ["token#1001"]

    assert set(stack.provider.listed) == {"1002"}
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert told(stack, "TokenRevoked") == [
        {"subject": "shop", "tokenId": "1001", "fingerprint": record(stack, "1001").digest, "why": "rotated"}
    ]


def test_a_shop_without_a_token_gets_one() -> None:
    empty = listing_stack()

    assert (state_of(turn(empty)), served(empty)) == ("done", "1001")
    assert told(empty, "TokenRotated") == []
    assert [each["why"] for each in told(empty, "TokenIssued")] == ["rotated"]


# History and events


def test_the_world_is_told_once_and_never_a_value(stack: ListingStack) -> None:
    report = turn(stack)

    assert told(stack, "TokenRotated") == [
        {
            "subject": "shop",
            "tokenId": "1002",
            "fingerprint": record(stack, "1002").digest,
            "rotationId": report.rotation.rotation_id,
            "previousTokenId": "1001",
            "overlapEndsAt": report.overlap_ends_at,
            "compromised": False,
        }
    ]
    assert "value-of" not in repr([event.as_json() for event in stack.store.told])


def test_who_asked_stays_who_asked_though_the_clock_went_on(stack: ListingStack) -> None:
    stack.provider.script = [down()]
    turn(stack, compromised=True)

    work(stack, RETRY_AFTER_CALL)

    assert record(stack, "1002").requested_by == CALLER
    assert {line.by for token_id in ("1001", "1002") for line in record(stack, token_id).history} == {CALLER}


def test_one_that_was_cut_off_before_its_end_is_done_and_says_of_which_token(stack: ListingStack) -> None:
    """It says no end of an overlap: that was told by whoever began it."""
    stack.store.refuse("rotations.end", StorageUnavailable("down"))
    first = turn(stack)
    stack.clock.advance(JOIN_WINDOW)

    report = turn(stack)

    assert (state_of(first), len(stack.provider.mints)) == ("pending", 2)
    assert report.as_json() == {
        "rotationId": first.rotation.rotation_id,
        "state": "done",
        "compromised": False,
        "requestedAt": first.rotation.requested_at,
        "previousTokenId": "1001",
        "tokenId": "1002",
    }


def test_what_has_reached_its_goal_needs_no_secret_to_end(stack: ListingStack) -> None:
    stack.store.refuse("rotations.end", StorageUnavailable("down"))
    turn(stack)
    stack.secrets.delete("acme")

    work(stack, RETRY_AFTER_CALL)

    assert not is_open(stack)


def test_a_token_that_another_request_has_made_meanwhile_leaves_no_overlap_to_tell_of(stack: ListingStack) -> None:
    def ended_and_replaced() -> None:
        revoke(stack.listing_call(), "acme", "1001")
        stack.forget_memory()
        shop_token(stack.call(), "acme")

    stack.store.before["leases.acquire"].append(ended_and_replaced)

    report = turn(stack)

    assert (state_of(report), report.as_json()["tokenId"]) == ("done", "1002")
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert "overlapEndsAt" not in report.as_json()


def test_while_one_makes_its_token_no_other_asks_for_one(stack: ListingStack) -> None:
    """Also one that joins no ordinary rotation: it waits for what is under way."""
    reports: list[RotationReport] = []
    stack.provider.script = [
        stack.provider.make_after(lambda: reports.append(turn(stack, compromised=True, seconds=3)))
    ]

    turn(stack)

    assert ([state_of(report) for report in reports], len(stack.provider.mints)) == (["pending"], 2)


def test_the_clock_leaves_a_rotation_to_the_call_that_has_begun_it(stack: ListingStack) -> None:
    request(stack.listing_call(), "acme", compromised=False)

    stack.clock.advance(RETRY_AFTER_CALL - 1)
    assert due(stack) == []
    stack.clock.advance(1)
    assert due(stack) == ["rotation#shop"]


def test_a_request_whose_own_answer_was_lost_is_not_somebody_elses(stack: ListingStack) -> None:
    """The second try of the write finds the first's, and the call goes on with it."""
    write = stack.store.rotations.request

    def write_twice(*given: object) -> bool:
        return [write(*given), write(*given)][1]  # type: ignore[arg-type]

    stack.store.rotations.request = write_twice  # type: ignore[method-assign, assignment]

    assert state_of(turn(stack)) == "done"
    assert (served(stack), stack.telemetry.total("RotationsJoined")) == ("1002", 0)


def test_a_token_that_was_lost_at_one_shop_is_not_looked_for_at_another(stack: ListingStack) -> None:
    stack.provider.account_id = "first.example"
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    turn(stack)
    stack.provider.account_id = "second.example"

    work(stack, RETRY_AFTER_CALL)
    stack.clock.advance(3600)
    run_worker(stack, "subject#shop")

    assert (states(stack), len(stack.provider.mints)) == ({"1001": State.CURRENT}, 2)


# Joining


@pytest.mark.parametrize(
    ("wait", "joined"),
    [(JOIN_WINDOW - 1, True), (JOIN_WINDOW, False), (-3600, False)],
    ids=["within a minute", "a minute later", "the clock jumped back"],
)
def test_a_request_within_a_minute_joins_the_one_before(stack: ListingStack, wait: float, *, joined: bool) -> None:
    first = turn(stack)
    stack.clock.advance(wait)

    second = turn(stack)

    assert (second.rotation.rotation_id == first.rotation.rotation_id) is joined
    assert stack.telemetry.total("RotationsJoined") == int(joined)
    another = {"1001": State.RETIRING, "1002": State.RETIRING, "1003": State.CURRENT}
    assert states(stack) == (ROTATED if joined else another)


@pytest.mark.parametrize(("wait", "state", "mints"), [(0, "pending", 2), (JOIN_WINDOW, "done", 3)])
def test_a_request_joins_an_open_one_and_goes_on_with_it_if_it_is_old(
    stack: ListingStack, wait: float, state: str, mints: int
) -> None:
    """An operator who has fixed the cause need not wait for the scheduler."""
    stack.provider.script = [down()]
    first = turn(stack)
    stack.clock.advance(wait)

    second = turn(stack)

    assert second.rotation.rotation_id == first.rotation.rotation_id
    assert (state_of(second), len(stack.provider.mints)) == (state, mints)


def test_another_request_between_the_look_and_the_write_is_joined(stack: ListingStack) -> None:
    """A schedule that fires twice, two operators: whoever is second finds the first's."""
    stack.store.before["rotations.request"].append(lambda: turn(stack))

    second = turn(stack)

    assert second.rotation == stack.store.rotation_items["acme"]
    assert states(stack) == ROTATED


# Compromised


def test_compromised_ends_the_current_and_all_retiring_ones_without_an_overlap(stack: ListingStack) -> None:
    turn(stack)
    stack.clock.advance(JOIN_WINDOW)
    ordinary = turn(stack)

    report = turn(stack, compromised=True)

    assert report.rotation.rotation_id != ordinary.rotation.rotation_id, "it never joins an ordinary one"
    assert states(stack) == {**dict.fromkeys(("1001", "1002", "1003"), State.REVOKING), "1004": State.CURRENT}
    assert "overlapEndsAt" not in report.as_json()
    said = {"tokenId": "1004", "previousTokenId": "1003", "overlapEndsAt": None, "compromised": True}
    assert told(stack, "TokenRotated")[-1].items() >= said.items()
    assert work(stack, CACHES_CLEARED_AFTER - 1) == [], "a memory may have them"
    assert stack.provider.revoked == []
    work(stack, 1)

    assert sorted(stack.provider.revoked) == ["1001", "1002", "1003"]
    assert set(stack.provider.listed) == {"1004"}
    assert {each["why"] for each in told(stack, "TokenRevoked")} == {"compromised"}


def test_compromised_joins_a_compromised_one_and_so_does_an_ordinary_one(stack: ListingStack) -> None:
    first = turn(stack, compromised=True)

    joined = [turn(stack, compromised=True), turn(stack)]

    assert {each.rotation.rotation_id for each in joined} == {first.rotation.rotation_id}
    assert served(stack) == "1002"


def test_compromised_takes_the_place_of_an_ordinary_one_that_waits(stack: ListingStack) -> None:
    stack.provider.script = [down()]
    turn(stack)

    turn(stack, compromised=True)

    assert stack.store.rotation_items["acme"].compromised
    assert work(stack, RETRY_AFTER_CALL) == ["token#1001"]
    assert set(stack.provider.listed) == {"1002"}


# What goes wrong


def test_a_secret_that_goes_between_the_token_and_the_look_at_the_list_loses_nothing(stack: ListingStack) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: stack.secrets.delete("acme"))]

    assert state_of(turn(stack)) == "pending"

    (intent,) = stack.store.open_intents
    assert intent in stack.provider.listed["1002"].title
    secret_back(stack)
    work(stack, RETRY_AFTER_CALL)
    assert states(stack) == ROTATED


@pytest.mark.parametrize(
    "failure",
    [down(), lost(), ProviderThrottled("Slower."), ProviderRejectedCredentials("No."), ProviderError("What?")],
    ids=lambda failure: type(failure).__name__,
)
def test_a_look_at_the_list_that_fails_loses_no_token(stack: ListingStack, failure: BrokerError) -> None:
    """Though nothing came of the look itself: the token was made before it."""
    stack.provider.failures["list"] = [failure, failure]  # type: ignore[list-item]

    report = turn(stack)

    assert (report.rotation.open, len(stack.store.open_intents)) == (True, 1)
    stack.provider.failures["list"] = []
    work(stack, RETRY_AFTER_CALL)
    work(stack, 3600)
    assert states(stack) == ROTATED
    assert len(stack.provider.mints) == 2


def test_one_of_unknown_outcome_stays_open_and_the_compromised_token_gets_no_overlap(stack: ListingStack) -> None:
    """The worker would adopt the new token, and the compromised one that it replaces would be forgotten."""
    malformed = ProviderError("The answer makes no sense.", request_outcome=RequestOutcome.UNKNOWN)
    stack.provider.script = [stack.provider.make_and_fail(malformed)]
    stack.provider.failures["list"] = [down()]

    report = turn(stack, compromised=True)

    assert (report.rotation.open, report.rotation.failure) == (True, "provider_error")
    assert [event["retrying"] for event in told(stack, "RotationFailed")] == [True]
    for _ in range(3):
        work(stack, JOIN_WINDOW + 1)
    assert record(stack, "1001").state is State.REVOKED
    assert (list(stack.provider.listed), len(stack.provider.mints)) == (["1002"], 2)


def test_a_call_that_fails_does_not_end_the_rotation_that_it_has_joined(stack: ListingStack) -> None:
    """The scheduler's own request, for example, would not be made again before the new token's whole age."""
    rotation, _ = request(stack.listing_call("clock"), "acme", compromised=False)
    stack.clock.advance(JOIN_WINDOW)
    stack.provider.script = [TokenLimitReached("All places are taken.")] * 2

    report = turn(stack)

    assert (report.rotation.rotation_id, report.rotation.failure) == (rotation.rotation_id, "token_limit_reached")
    assert is_open(stack)


def test_at_the_limit_the_old_one_stays_and_the_caller_is_told(stack: ListingStack) -> None:
    stack.provider.script = [TokenLimitReached("There are 100 already.")] * 2

    with pytest.raises(TokenLimitReached):
        turn(stack)

    assert (served(stack), stack.store.open_intents) == ("1001", [])
    rotation = stack.store.rotation_items["acme"]
    assert (rotation.open, rotation.failure) == (False, "token_limit_reached")
    assert told(stack, "RotationFailed") == [
        {"rotationId": rotation.rotation_id, "code": "token_limit_reached", "retrying": False}
    ]
    assert stack.telemetry.total("RotationsFailed") == 1
    noted = {"merchant": "acme", "rotation": rotation.rotation_id, "code": "token_limit_reached"}
    assert ("rotation_failed", noted) in stack.telemetry.notices
    assert work(stack, RETRY_AFTER_CALL) == []
    turn(stack)
    assert served(stack) == "1002", "one that failed for good is not joined"


@pytest.mark.parametrize("failure", [down(), ProviderThrottled("Slower.", retry_after=2)])
def test_a_provider_that_is_down_or_throttles_is_left_to_the_clock(
    stack: ListingStack, failure: ProviderUnavailable
) -> None:
    stack.provider.script = [failure, failure]

    report = turn(stack)

    assert (state_of(report), report.as_json()["failure"]) == ("pending", failure.code)
    assert served(stack) == "1001"
    assert "rotation#shop" not in work(stack, RETRY_AFTER_CALL - 1)
    assert "rotation#shop" in work(stack, 1)
    work(stack, 3600)
    assert (served(stack), is_open(stack)) == ("1002", False)
    assert told(stack, "RotationFailed") == [
        {"rotationId": report.rotation.rotation_id, "code": failure.code, "retrying": True}
    ]


def test_a_token_that_is_made_and_not_listed_does_not_take_the_place_yet(stack: ListingStack) -> None:
    unlisted = minted("1002")
    stack.provider.script = [unlisted]

    assert (state_of(turn(stack)), served(stack)) == ("pending", "1001")
    assert states(stack) == {"1001": State.CURRENT}

    (intent,) = stack.store.open_intents
    stack.provider.put(unlisted, tag_title("Token Broker", BROKER_ID, intent))
    work(stack, RETRY_AFTER_CALL)
    assert (states(stack), is_open(stack), len(stack.provider.mints)) == (ROTATED, False, 2)


def test_a_rotation_while_another_mints_takes_what_that_makes(stack: ListingStack) -> None:
    """The wish is another token than before: whoever makes it."""
    revoke(stack.listing_call(), "acme", "1001")
    reports: list[RotationReport] = []
    stack.provider.script = [stack.provider.make_after(lambda: reports.append(turn(stack, seconds=3)))]
    assert served(stack) == "1002"
    assert [state_of(report) for report in reports] == ["pending"]

    work(stack, RETRY_AFTER_CALL)

    assert (served(stack), is_open(stack), told(stack, "RotationFailed")) == ("1002", False, [])


@pytest.mark.parametrize("compromised", [False, True])
def test_a_token_that_is_revoked_by_name_during_its_rotation_ends_as_was_asked(
    stack: ListingStack, *, compromised: bool
) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: revoke(stack.listing_call(), "acme", "1001"))]

    assert state_of(turn(stack, compromised=compromised)) == "pending"

    work(stack, RETRY_AFTER_CALL)
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert [line.reason for line in record(stack, "1001").history] == ["minted", "requested", "requested"]
    assert told(stack, "TokenRotated") == []
    assert len(stack.provider.mints) == 2


def test_a_retiring_token_can_be_revoked_by_name(stack: ListingStack) -> None:
    turn(stack)

    assert revoke(stack.listing_call(), "acme", "1001") is RevocationStatus.CONFIRMED

    assert work(stack, OVERLAP) == []
    assert [line.reason for line in record(stack, "1001").history][1:] == ["rotated", "requested", "requested"]


def test_an_earlier_item_that_fails_for_long_is_no_failure_of_the_rotation(stack: ListingStack) -> None:
    """It was not even tried."""
    stack.provider.script = [down()]
    stack.store.tokens.mark_revoking(stack.store.keep(replace(record(stack, "1001"), token_id="7")), BY_ANN)
    stack.store.keep(record(stack, "1001"))
    turn(stack)
    stack.secrets.delete("acme")

    work(stack, RETRY_AFTER_CALL)

    rotation = stack.store.rotation_items["acme"]
    assert (rotation.open, rotation.tries, rotation.failure) == (True, 1, "provider_unavailable")
    assert rotation.due_at > stack.clock.now()


# Providers that cannot


def test_a_provider_with_one_token_is_asked_again() -> None:
    stack = one_token_stack()
    same = shop_token(stack.call(), "acme")
    stack.clock.advance(10)
    stack.provider.script = [minted("1001")]

    report = rotate(stack.call(), "acme")

    assert report == Unsupported(changed=False)
    assert report.as_json() == {"rotation": "unsupported", "changed": False}
    assert len(stack.provider.mints) == 2
    assert [event.type for event in stack.store.told] == ["TokenIssued"]
    assert stack.store.records["acme", "shop", "1001"].access_token == same.access_token


@pytest.mark.parametrize("compromised", [False, True])
def test_a_change_that_the_provider_made_is_noticed_and_told(*, compromised: bool) -> None:
    stack = one_token_stack()
    shop_token(stack.call(), "acme")
    stack.clock.advance(10)

    assert rotate(stack.call(), "acme", compromised=compromised) == Unsupported(changed=True)

    assert stack.store.records["acme", "shop", "1001"].state is State.LOST
    (event,) = [event for event in stack.store.told if event.type == "TokenRotated"]
    assert event.detail["rotationId"] is None
    assert (event.detail["previousTokenId"], event.detail["tokenId"]) == ("1001", "1002")
    assert stack.store.rotation_items == {}


@pytest.mark.parametrize(("make", "mints"), [(one_token_stack, 1), (session_stack, 0)])
def test_a_first_token_is_no_change_and_one_that_ends_by_itself_is_not_asked_for(
    make: Callable[[], Surroundings[Any]], mints: int
) -> None:
    stack = make()

    assert rotate(stack.call(), "acme", compromised=True) == Unsupported(changed=False)
    assert len(stack.provider.mints) == mints


@pytest.mark.parametrize("make", [listing_stack, one_token_stack, session_stack])
def test_an_unknown_merchant_leaves_nothing(make: Callable[[], Surroundings[Any]]) -> None:
    stack = make()

    with pytest.raises(MerchantNotFound):
        rotate(stack.call(), "nobody")

    assert (stack.store.rotation_items, stack.store.subjects) == ({}, {})
