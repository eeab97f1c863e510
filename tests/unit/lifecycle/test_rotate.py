"""A rotation makes before it breaks, joins a recent request, and is continued by the scheduler from any point."""

from collections.abc import Callable
from copy import replace
from typing import Any

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import BY_ANN, minted
from tests.fakes.store import OVERLAP, MemoryStore
from tests.fakes.surroundings import (
    CALLER,
    ListingSurroundings,
    Surroundings,
    listing_stack,
    one_token_stack,
    session_stack,
)
from token_broker.domain.token import SHOP, Reason, RevocationStatus, State, Token
from token_broker.errors import (
    BrokerError,
    MerchantNotFound,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    StorageUnavailable,
    TokenLimitReached,
)
from token_broker.lifecycle.rotate import JOIN_WINDOW, RETRY_AFTER_CALL, RotationReport, Unsupported, rotate
from token_broker.lifecycle.worker import maintain
from token_broker.ports.provider import ListedToken
from token_broker.tokens.issue import shop_token
from token_broker.tokens.revoke import revoke
from token_broker.tokens.succession import CACHES_CLEARED_AFTER

CLOCKS = "queue"


@pytest.fixture
def stack() -> ListingSurroundings:
    """Build a stack whose shop has the token 1001."""
    made = listing_stack()
    shop_token(made.call(), "acme")
    return made


def turn(stack: ListingSurroundings, *, compromised: bool = False) -> RotationReport:
    report = rotate(stack.listing_call(), "acme", compromised=compromised)
    assert isinstance(report, RotationReport)
    return report


def work(stack: ListingSurroundings, after: float = 0) -> list[str]:
    """Run the worker so many seconds later, and return its items."""
    stack.clock.advance(after)
    due = [item for item in stack.store.due_items("acme") if item != "reconciliation#shop"]  # that is another's matter
    maintain(stack.listing_call(CLOCKS), "acme", due)
    return due


def served(stack: ListingSurroundings) -> str:
    """Return what another process serves, which has nothing in its cache."""
    stack.forget_memory()
    return shop_token(stack.call(), "acme").token_id


def record(store: MemoryStore, token_id: str) -> Token:
    return store.records["acme", SHOP, token_id]


def states(stack: ListingSurroundings) -> dict[str, State]:
    return {token_id: each.state for (_, _, token_id), each in stack.store.records.items()}


def told(stack: ListingSurroundings, kind: str) -> list[dict[str, object]]:
    return [dict(event.detail) for event in stack.store.told if event.type == kind]


def hold_back(stack: ListingSurroundings) -> Callable[[], None]:
    """Have the provider make the next token and list it only once it is released."""
    listed, held = stack.provider.listed, "1002"

    def make() -> None:
        stack.provider.failures["list"] = []

    stack.provider.script = [stack.provider.make_after(make)]
    whole = stack.provider.list_tokens
    hidden = {held}
    stack.provider.list_tokens = lambda *given: [  # type: ignore[method-assign]
        each for each in whole(*given) if each.token.token_id not in hidden
    ]
    assert held not in listed
    return hidden.clear


# Make before break


def test_another_token_is_current_and_the_one_before_it_works_on(stack: ListingSurroundings) -> None:
    now = int(stack.clock.now())

    report = turn(stack)

    assert served(stack) == "1002"
    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert set(stack.provider.listed) == {"1001", "1002"}
    assert record(stack.store, "1001").access_token == "value-of-1001"
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


def test_the_process_that_has_served_the_one_before_serves_the_new_one_at_once(stack: ListingSurroundings) -> None:
    assert shop_token(stack.call(), "acme").token_id == "1001"

    turn(stack)

    assert shop_token(stack.call(), "acme").token_id == "1002"


@pytest.mark.parametrize("operation", ["rotations.request", "leases.acquire", "mint", "list_tokens"])
def test_until_the_new_one_is_stored_the_old_one_is_served(stack: ListingSurroundings, operation: str) -> None:
    looks: list[str] = []

    def look() -> None:
        current = stack.store.subjects["acme", SHOP].current
        assert current is not None
        looks.append(current.token_id)

    if operation == "mint":
        stack.provider.script = [stack.provider.make_after(look)]
    elif operation == "list_tokens":
        whole = stack.provider.list_tokens

        def look_and_list(*given: Any) -> list[ListedToken]:
            look()
            return whole(*given)

        stack.provider.list_tokens = look_and_list  # type: ignore[method-assign, assignment]
    else:
        stack.store.after[operation].append(look)

    turn(stack)

    assert looks == ["1001"]


def test_the_old_one_is_revoked_at_the_provider_when_its_overlap_is_over(stack: ListingSurroundings) -> None:
    turn(stack)

    assert work(stack, OVERLAP - 1) == []
    assert "1001" in stack.provider.listed
    assert work(stack, 1) == ["token#1001"]

    assert set(stack.provider.listed) == {"1002"}
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert told(stack, "TokenRevoked") == [
        {"subject": SHOP, "tokenId": "1001", "fingerprint": record(stack.store, "1001").digest, "why": "rotated"}
    ]


def test_the_merchant_says_how_long_the_overlap_is(stack: ListingSurroundings) -> None:
    stack.store.set_overlap("acme", 3600)

    report = turn(stack)

    assert report.overlap_ends_at == int(stack.clock.now()) + 3600
    assert work(stack, 3600) == ["token#1001"]


def test_a_provider_that_does_not_confirm_the_end_is_asked_until_it_does(stack: ListingSurroundings) -> None:
    turn(stack)
    stack.provider.failures["revoke"] = [lost(), lost()]

    work(stack, OVERLAP)

    assert record(stack.store, "1001").state is State.REVOKING
    assert record(stack.store, "1001").access_token is None
    work(stack, 3600)
    work(stack, 3600)
    assert record(stack.store, "1001").state is State.REVOKED
    assert len(told(stack, "TokenRevoked")) == 1


def test_a_shop_without_a_token_gets_one(stack: ListingSurroundings) -> None:
    empty = listing_stack()

    report = turn(empty)

    assert (report.as_json()["state"], served(empty)) == ("done", "1001")
    assert told(empty, "TokenRotated") == []
    assert [each["why"] for each in told(empty, "TokenIssued")] == ["rotated"]


# History and events


def test_each_change_has_its_line_with_who_and_why(stack: ListingSurroundings) -> None:
    start = int(stack.clock.now())
    turn(stack)
    work(stack, OVERLAP)

    assert [line.as_json() for line in record(stack.store, "1001").history] == [
        {"at": start, "by": CALLER, "from": None, "to": "current", "why": "minted"},
        {"at": start, "by": CALLER, "from": "current", "to": "retiring", "why": "rotated"},
        {"at": start + OVERLAP, "by": "clock", "from": "retiring", "to": "revoking", "why": "rotated"},
        {"at": start + OVERLAP, "by": "clock", "from": "revoking", "to": "revoked", "why": "rotated"},
    ]
    assert [line.reason for line in record(stack.store, "1002").history] == [Reason.ROTATED]


def test_the_world_is_told_once_and_never_a_value(stack: ListingSurroundings) -> None:
    report = turn(stack)

    assert told(stack, "TokenRotated") == [
        {
            "subject": SHOP,
            "tokenId": "1002",
            "fingerprint": record(stack.store, "1002").digest,
            "rotationId": report.rotation.rotation_id,
            "previousTokenId": "1001",
            "overlapEndsAt": report.overlap_ends_at,
            "compromised": False,
        }
    ]
    assert "value-of" not in repr([event.as_json() for event in stack.store.told])


def test_who_asked_stays_who_asked_though_the_clock_went_on(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    turn(stack, compromised=True)

    work(stack, RETRY_AFTER_CALL)

    assert record(stack.store, "1002").requested_by == CALLER
    assert [line.by for line in record(stack.store, "1002").history] == [CALLER]
    assert {line.by for line in record(stack.store, "1001").history} == {CALLER}


def test_one_that_was_cut_off_before_its_end_is_done_and_says_of_which_token(stack: ListingSurroundings) -> None:
    """It says no end of an overlap: that was told by whoever began it."""
    stack.store.refuse("rotations.end", StorageUnavailable("down"))
    first = turn(stack)
    stack.clock.advance(JOIN_WINDOW)

    report = turn(stack)

    assert (first.as_json()["state"], len(stack.provider.mints)) == ("pending", 2)
    assert report.as_json() == {
        "rotationId": first.rotation.rotation_id,
        "state": "done",
        "compromised": False,
        "requestedAt": first.rotation.requested_at,
        "previousTokenId": "1001",
        "tokenId": "1002",
    }


def test_what_has_reached_its_goal_needs_no_secret_to_end(stack: ListingSurroundings) -> None:
    stack.store.refuse("rotations.end", StorageUnavailable("down"))
    turn(stack)
    stack.secrets.delete("acme")

    work(stack, RETRY_AFTER_CALL)

    assert not stack.store.rotation_items["acme"].open


def test_a_token_that_another_request_has_made_meanwhile_leaves_no_overlap_to_tell_of(
    stack: ListingSurroundings,
) -> None:
    def ended_and_replaced() -> None:
        revoke(stack.listing_call(), "acme", "1001")
        stack.forget_memory()
        shop_token(stack.call(), "acme")

    stack.store.before["leases.acquire"].append(ended_and_replaced)

    report = turn(stack)

    assert (report.as_json()["state"], report.as_json()["tokenId"]) == ("done", "1002")
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert "overlapEndsAt" not in report.as_json()


def test_while_one_makes_its_token_no_other_asks_for_one(stack: ListingSurroundings) -> None:
    """Also one that joins no ordinary rotation: it waits for what is under way."""
    reports: list[str] = []

    def meanwhile() -> None:
        other = rotate(stack.listing_call(seconds=3), "acme", compromised=True)
        assert isinstance(other, RotationReport)
        reports.append(other.as_json()["state"])

    stack.provider.script = [stack.provider.make_after(meanwhile)]

    turn(stack)

    assert (reports, len(stack.provider.mints)) == (["pending"], 2)


def test_the_clock_leaves_a_rotation_to_the_call_that_has_begun_it(stack: ListingSurroundings) -> None:
    due: list[list[str]] = []

    def look() -> None:
        due.append(stack.store.due_items("acme"))
        stack.clock.advance(RETRY_AFTER_CALL)
        due.append(stack.store.due_items("acme"))
        stack.clock.advance(-RETRY_AFTER_CALL)

    stack.provider.script = [stack.provider.make_after(look)]

    turn(stack)

    assert ["rotation#shop" in items for items in due] == [False, True]


def test_a_request_whose_own_answer_was_lost_is_not_somebody_elses(stack: ListingSurroundings) -> None:
    """The second try of the write finds the first's, and the call goes on with it."""
    write = stack.store.rotations.request

    def write_twice(*given: Any) -> bool:
        return [write(*given), write(*given)][1]

    stack.store.rotations.request = write_twice  # type: ignore[method-assign, assignment]

    assert turn(stack).as_json()["state"] == "done"
    assert (served(stack), stack.telemetry.total("RotationsJoined")) == ("1002", 0)


def test_a_token_that_was_lost_at_one_shop_is_not_looked_for_at_another(stack: ListingSurroundings) -> None:
    stack.provider.account_id = "first.example"
    stack.provider.script = [stack.provider.make_and_fail(lost())]
    stack.provider.failures["list"] = [down()]
    turn(stack)
    stack.provider.account_id = "second.example"

    work(stack, RETRY_AFTER_CALL)

    assert (states(stack), len(stack.provider.mints)) == ({"1001": State.CURRENT}, 2)


# Joining


def test_a_request_within_a_minute_joins_the_one_before(stack: ListingSurroundings) -> None:
    first = turn(stack)
    stack.clock.advance(JOIN_WINDOW - 1)

    second = turn(stack)

    assert second.rotation.rotation_id == first.rotation.rotation_id
    assert len(stack.provider.mints) == 2
    assert stack.telemetry.total("RotationsJoined") == 1


def test_a_minute_later_it_is_another(stack: ListingSurroundings) -> None:
    first = turn(stack)
    stack.clock.advance(JOIN_WINDOW)

    second = turn(stack)

    assert second.rotation.rotation_id != first.rotation.rotation_id
    assert states(stack) == {"1001": State.RETIRING, "1002": State.RETIRING, "1003": State.CURRENT}


def test_a_clock_that_jumped_back_does_not_join_what_is_done(stack: ListingSurroundings) -> None:
    turn(stack)
    stack.clock.advance(-3600)

    turn(stack)

    assert served(stack) == "1003"


def test_a_request_joins_one_that_is_open_and_recent_without_asking_anybody(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    first = turn(stack)
    asked = len(stack.provider.mints)

    second = turn(stack)

    assert second.rotation.rotation_id == first.rotation.rotation_id
    assert second.as_json()["state"] == "pending"
    assert len(stack.provider.mints) == asked


def test_a_request_that_finds_an_old_one_open_goes_on_with_it_at_once(stack: ListingSurroundings) -> None:
    """An operator who has fixed the cause need not wait for the scheduler."""
    stack.provider.script = [down()]
    first = turn(stack)
    stack.clock.advance(JOIN_WINDOW)

    second = turn(stack)

    assert second.rotation.rotation_id == first.rotation.rotation_id
    assert (second.as_json()["state"], served(stack)) == ("done", "1002")


def test_one_that_failed_for_good_is_not_joined(stack: ListingSurroundings) -> None:
    stack.provider.script = [TokenLimitReached("There are 100 already.")] * 2
    with pytest.raises(TokenLimitReached):
        turn(stack)

    turn(stack)

    assert served(stack) == "1002"


def test_another_request_between_the_look_and_the_write_is_joined(stack: ListingSurroundings) -> None:
    """A schedule that fires twice, two operators: whoever is second finds the first's."""
    stack.store.before["rotations.request"].append(lambda: turn(stack))

    second = turn(stack)

    assert len(stack.store.rotation_items) == 1
    assert second.rotation == stack.store.rotation_items["acme"]
    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}


def test_the_worker_twice_on_one_rotation_makes_one_token(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    turn(stack)
    stack.clock.advance(RETRY_AFTER_CALL)
    due = stack.store.due_items("acme")

    for _ in range(2):
        maintain(stack.listing_call(CLOCKS), "acme", due)

    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}


# Compromised


def test_compromised_ends_the_current_and_all_retiring_ones_without_an_overlap(stack: ListingSurroundings) -> None:
    turn(stack)
    stack.clock.advance(JOIN_WINDOW)
    turn(stack)
    stack.clock.advance(JOIN_WINDOW)

    report = turn(stack, compromised=True)

    assert served(stack) == "1004"
    assert {each for each, state in states(stack).items() if state is State.REVOKING} == {"1001", "1002", "1003"}
    assert "overlapEndsAt" not in report.as_json()
    assert told(stack, "TokenRotated")[-1] | {"rotationId": "", "fingerprint": ""} == {
        "subject": SHOP,
        "tokenId": "1004",
        "fingerprint": "",
        "rotationId": "",
        "previousTokenId": "1003",
        "overlapEndsAt": None,
        "compromised": True,
    }


def test_the_provider_is_asked_to_end_them_once_no_memory_has_them_any_more(stack: ListingSurroundings) -> None:
    turn(stack)
    stack.clock.advance(JOIN_WINDOW)
    turn(stack, compromised=True)

    assert work(stack, CACHES_CLEARED_AFTER - 1) == []
    assert stack.provider.revoked == []
    work(stack, 1)

    assert sorted(stack.provider.revoked) == ["1001", "1002"]
    assert set(stack.provider.listed) == {"1003"}
    assert {each["why"] for each in told(stack, "TokenRevoked")} == {"compromised"}


def test_compromised_never_joins_an_ordinary_one(stack: ListingSurroundings) -> None:
    ordinary = turn(stack)

    urgent = turn(stack, compromised=True)

    assert urgent.rotation.rotation_id != ordinary.rotation.rotation_id
    assert states(stack) == {"1001": State.REVOKING, "1002": State.REVOKING, "1003": State.CURRENT}


def test_compromised_joins_a_compromised_one_and_so_does_an_ordinary_one(stack: ListingSurroundings) -> None:
    first = turn(stack, compromised=True)

    joined = [turn(stack, compromised=True), turn(stack)]

    assert {each.rotation.rotation_id for each in joined} == {first.rotation.rotation_id}
    assert served(stack) == "1002"


def test_compromised_takes_the_place_of_an_ordinary_one_that_waits(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    turn(stack)

    turn(stack, compromised=True)

    assert stack.store.rotation_items["acme"].compromised
    assert work(stack, RETRY_AFTER_CALL) == ["token#1001"]
    assert set(stack.provider.listed) == {"1002"}


def test_one_that_was_cut_off_between_the_token_and_the_retiring_ones_ends_those_too(
    stack: ListingSurroundings,
) -> None:
    turn(stack)
    stack.clock.advance(JOIN_WINDOW)
    stack.store.refuse("tokens.all", StorageUnavailable("down"))
    turn(stack, compromised=True)
    assert record(stack.store, "1001").state is State.RETIRING

    work(stack, RETRY_AFTER_CALL)
    work(stack, CACHES_CLEARED_AFTER)

    assert set(stack.provider.listed) == {"1003"}


def test_a_token_that_the_clock_adopts_for_a_compromised_one_leaves_no_overlap(stack: ListingSurroundings) -> None:
    stack.provider.failures["list"] = [down()]
    report = turn(stack, compromised=True)

    stack.clock.advance(RETRY_AFTER_CALL + 1)
    maintain(stack.listing_call(CLOCKS), "acme", ["subject#shop"])

    assert states(stack) == {"1001": State.REVOKING, "1002": State.CURRENT}
    (event,) = told(stack, "TokenRotated")
    assert (event["compromised"], event["overlapEndsAt"]) == (True, None)
    assert event["rotationId"] == report.rotation.rotation_id
    assert record(stack.store, "1002").requested_by == CALLER


# What goes wrong


def test_an_unknown_merchant_leaves_nothing(stack: ListingSurroundings) -> None:
    with pytest.raises(MerchantNotFound):
        rotate(stack.listing_call(), "nobody")

    assert "nobody" not in stack.store.rotation_items
    assert [key for key in stack.store.subjects if key[0] == "nobody"] == []


def test_a_merchant_whose_secret_is_gone_meanwhile_is_done_once_it_is_back(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    turn(stack)
    stack.secrets.delete("acme")

    work(stack, RETRY_AFTER_CALL)

    assert stack.store.rotation_items["acme"].open
    assert stack.store.rotation_items["acme"].failure == "merchant_not_found"
    assert served(stack) == "1001"
    stack.secrets.stored["acme"] = {"key": "first-key"}
    work(stack, 3600)
    assert (served(stack), stack.store.rotation_items["acme"].open) == ("1002", False)


def test_a_secret_that_goes_between_the_token_and_the_look_at_the_list_loses_nothing(
    stack: ListingSurroundings,
) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: stack.secrets.delete("acme"))]

    assert turn(stack).as_json()["state"] == "pending"

    (intent,) = stack.store.open_intents
    assert intent in stack.provider.listed["1002"].title
    stack.secrets.stored["acme"] = {"key": "first-key"}
    work(stack, RETRY_AFTER_CALL)
    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}


@pytest.mark.parametrize(
    "failure",
    [down(), lost(), ProviderThrottled("Slower."), ProviderRejectedCredentials("No."), ProviderError("What?")],
    ids=lambda failure: type(failure).__name__,
)
def test_a_look_at_the_list_that_fails_loses_no_token(stack: ListingSurroundings, failure: BrokerError) -> None:
    """Though nothing came of the look itself: the token was made before it."""
    stack.provider.failures["list"] = [failure, failure]  # type: ignore[list-item]

    try:
        turn(stack)
    except BrokerError as raised:
        assert not raised.retryable  # noqa: PT017  # what can be tried again is not raised

    assert len(stack.store.open_intents) == 1
    stack.provider.failures["list"] = []
    work(stack, RETRY_AFTER_CALL)
    work(stack, 3600)
    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert len(stack.provider.mints) == 2


def test_at_the_limit_the_old_one_stays_and_the_caller_is_told(stack: ListingSurroundings) -> None:
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


@pytest.mark.parametrize("failure", [down(), ProviderThrottled("Slower.", retry_after=2)])
def test_a_provider_that_is_down_or_throttles_is_left_to_the_clock(
    stack: ListingSurroundings, failure: ProviderUnavailable
) -> None:
    stack.provider.script = [failure, failure]

    report = turn(stack)

    assert (report.as_json()["state"], report.as_json()["failure"]) == ("pending", failure.code)
    assert served(stack) == "1001"
    assert "rotation#shop" not in work(stack, RETRY_AFTER_CALL - 1)
    assert "rotation#shop" in work(stack, 1)
    work(stack, 3600)
    assert (served(stack), stack.store.rotation_items["acme"].open) == ("1002", False)
    assert told(stack, "RotationFailed") == [
        {"rotationId": report.rotation.rotation_id, "code": failure.code, "retrying": True}
    ]


def test_a_lost_answer_is_looked_up_in_the_same_call(stack: ListingSurroundings) -> None:
    stack.provider.script = [stack.provider.make_and_fail(lost())]

    assert turn(stack).as_json()["state"] == "done"

    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert len(stack.provider.mints) == 2


def test_a_token_that_is_made_and_not_listed_does_not_take_the_place_yet(stack: ListingSurroundings) -> None:
    let_go = hold_back(stack)

    report = turn(stack)

    assert (report.as_json()["state"], served(stack)) == ("pending", "1001")
    assert states(stack) == {"1001": State.CURRENT}
    let_go()
    work(stack, RETRY_AFTER_CALL)
    assert states(stack) == {"1001": State.RETIRING, "1002": State.CURRENT}
    assert len(stack.provider.mints) == 2
    assert not stack.store.rotation_items["acme"].open


def test_a_rotation_while_another_mints_takes_what_that_makes(stack: ListingSurroundings) -> None:
    """The wish is another token than before: whoever makes it."""
    revoke(stack.listing_call(), "acme", "1001")

    def rotated_meanwhile() -> None:
        report = rotate(stack.listing_call(seconds=3), "acme")
        assert isinstance(report, RotationReport)
        assert report.as_json()["state"] == "pending"

    stack.provider.script = [stack.provider.make_after(rotated_meanwhile)]
    stack.forget_memory()
    assert shop_token(stack.call(), "acme").token_id == "1002"

    work(stack, RETRY_AFTER_CALL)

    assert served(stack) == "1002"
    assert not stack.store.rotation_items["acme"].open
    assert told(stack, "RotationFailed") == []


@pytest.mark.parametrize("compromised", [False, True])
def test_a_token_that_is_revoked_by_name_during_its_rotation_ends_as_was_asked(
    stack: ListingSurroundings, *, compromised: bool
) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: revoke(stack.listing_call(), "acme", "1001"))]

    report = turn(stack, compromised=compromised)

    assert report.as_json()["state"] == "pending"
    work(stack, RETRY_AFTER_CALL)
    assert states(stack) == {"1001": State.REVOKED, "1002": State.CURRENT}
    assert [line.reason for line in record(stack.store, "1001").history] == ["minted", "requested", "requested"]
    assert told(stack, "TokenRotated") == []
    assert len(stack.provider.mints) == 2


def test_a_retiring_token_can_be_revoked_by_name(stack: ListingSurroundings) -> None:
    turn(stack)

    assert revoke(stack.listing_call(), "acme", "1001") is RevocationStatus.CONFIRMED

    assert work(stack, OVERLAP) == []
    assert [line.reason for line in record(stack.store, "1001").history][1:] == ["rotated", "requested", "requested"]


def test_a_token_of_another_shop_is_replaced_and_its_end_waits_for_that_shops_secret(
    stack: ListingSurroundings,
) -> None:
    old = record(stack.store, "1001")
    stack.store.keep(replace(old, account_id="old.example"))
    stack.store.keep(record(stack.store, "1001"))

    turn(stack)
    work(stack, OVERLAP)

    assert served(stack) == "1002"
    assert record(stack.store, "1001").state is State.REVOKING
    assert stack.provider.revoked == []
    assert stack.store.pending["acme", "1001"][2] == 1


def test_an_earlier_item_that_fails_for_long_is_no_failure_of_the_rotation(stack: ListingSurroundings) -> None:
    """It was not even tried."""
    stack.provider.script = [down()]
    stack.store.tokens.mark_revoking(stack.store.keep(replace(record(stack.store, "1001"), token_id="7")), BY_ANN)
    stack.store.keep(record(stack.store, "1001"))
    turn(stack)
    stack.secrets.delete("acme")

    work(stack, RETRY_AFTER_CALL)

    rotation = stack.store.rotation_items["acme"]
    assert rotation.open
    assert (rotation.tries, rotation.failure) == (1, "provider_unavailable")
    assert rotation.due_at > stack.clock.now()


def test_two_that_fail_at_once_tell_it_once(stack: ListingSurroundings) -> None:
    stack.provider.script = [down()]
    stack.store.before["schedule.reschedule"].append(
        lambda: stack.store.schedule.reschedule(stack.store.rotation_items["acme"], 0, failure="provider_unavailable")
    )

    turn(stack)

    assert len(told(stack, "RotationFailed")) == 1


# Providers that cannot


def test_a_provider_with_one_token_is_asked_again() -> None:
    stack = one_token_stack()
    shop_token(stack.call(), "acme")
    same = stack.store.records["acme", SHOP, "1001"]
    stack.clock.advance(10)
    stack.provider.script = [minted("1001")]

    report = rotate(stack.call(), "acme")

    assert report == Unsupported(changed=False)
    assert report.as_json() == {"rotation": "unsupported", "changed": False}
    assert len(stack.provider.mints) == 2
    assert [event.type for event in stack.store.told] == ["TokenIssued"]
    assert stack.store.records["acme", SHOP, "1001"] == same


@pytest.mark.parametrize("compromised", [False, True])
def test_a_change_that_the_provider_made_is_noticed_and_told(*, compromised: bool) -> None:
    stack = one_token_stack()
    shop_token(stack.call(), "acme")
    stack.clock.advance(10)

    assert rotate(stack.call(), "acme", compromised=compromised) == Unsupported(changed=True)

    assert stack.store.records["acme", SHOP, "1001"].state is State.LOST
    (event,) = [event for event in stack.store.told if event.type == "TokenRotated"]
    assert event.detail["rotationId"] is None
    assert (event.detail["previousTokenId"], event.detail["tokenId"]) == ("1001", "1002")
    assert stack.store.rotation_items == {}


def test_a_first_token_is_no_change() -> None:
    stack = one_token_stack()

    assert rotate(stack.call(), "acme") == Unsupported(changed=False)


def test_a_provider_whose_tokens_end_by_themselves_is_not_asked() -> None:
    stack = session_stack()

    assert rotate(stack.call(), "acme", compromised=True) == Unsupported(changed=False)

    assert stack.provider.mints == []


@pytest.mark.parametrize("make", [one_token_stack, session_stack])
def test_an_unknown_merchant_is_unknown_there_too(make: Callable[[], Surroundings[object]]) -> None:  # type: ignore[type-var]
    with pytest.raises(MerchantNotFound):
        rotate(make().call(), "nobody")
