"""What the clock's worker makes of each thing that can be due, and when it comes back to what it could not finish."""

from collections.abc import Callable

import pytest

from tests.fakes.provider import down, lost
from tests.fakes.samples import BY_ANN, minted, token
from tests.fakes.store import BROKER_ID
from tests.fakes.store_parts import LEASE
from tests.fakes.surroundings import DAY, ListingStack, listing_stack
from tests.unit.lifecycle.worker_runs import Happen, record, result, secret_back, secret_gone, unusable_secret, work
from token_broker.domain.delays import MAX_PAUSE, pause
from token_broker.domain.leases import MintLease
from token_broker.domain.ownership_tag import tag_title
from token_broker.domain.pending import UnreadWork
from token_broker.domain.rotation import RotationSettings
from token_broker.domain.token import Reason, RevocationStatus, State
from token_broker.errors import (
    BrokerError,
    ProviderError,
    ProviderRejectedCredentials,
    ProviderThrottled,
    ProviderUnavailable,
    RequestOutcome,
    ShopUnavailable,
    StorageUnavailable,
)
from token_broker.lifecycle.rotate import RETRY_AFTER_CALL, request
from token_broker.lifecycle.worker import MIN_SECONDS_LEFT
from token_broker.ports.documents import Revisioned
from token_broker.tokens.inventory import SETTLED_AFTER
from token_broker.tokens.issue import shop_token, standing_token
from token_broker.tokens.revoke import revoke

AFTER_THE_LEASE = 41.0


# When to come back


def test_the_pause_is_a_minute_at_first_an_hour_at_most_and_up_to_half_shorter_by_chance() -> None:
    assert [pause(tries, 0.0) for tries in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert pause(10_000, 0.0) == MAX_PAUSE
    assert (pause(0, 1.0), pause(0, 0.5), pause(6, 1.0)) == (30, 45, 1800)


# Revocations


def pending(*failures: Exception, tokens: int = 1) -> ListingStack:
    """Tokens whose end the provider has not confirmed; `failures` are what it says next."""
    stack = listing_stack()
    for number in range(tokens):
        made = standing_token(stack.listing_call(), "acme", f"T {number}", None)
        stack.provider.failures["revoke"] = [down()]
        assert revoke(stack.listing_call(), "acme", made.token_id) is RevocationStatus.PENDING
    stack.provider.failures["revoke"] = list(failures)  # type: ignore[arg-type]
    stack.telemetry.notices.clear()
    stack.provider.revoked.clear()
    return stack


def due_in(stack: ListingStack, token_id: str = "1001") -> tuple[int, int]:  # noqa: S107  # an id
    """Return the seconds until the revocation is due, and how often it was rescheduled."""
    _, due_at, tries, _ = stack.store.pending["acme", token_id]
    return due_at - int(stack.clock.now()), tries


@pytest.mark.parametrize("account_id", ["", "acme.example"])
def test_a_revocation_that_the_provider_confirms_is_done(account_id: str) -> None:
    """Also of a token from before shops were written down."""
    stack = pending()
    stack.provider.account_id = account_id
    assert stack.store.due_items("acme") == ["token#1001"]

    assert work(stack) == result(done=1)
    assert record(stack, "1001").state is State.REVOKED
    assert (stack.provider.listed, stack.store.due_items("acme")) == ({}, [])
    assert stack.telemetry.total("TokensRevoked") == 1
    assert work(stack, "token#1001", "token#7007") == result(left=2), "what is over is left alone"
    assert stack.provider.revoked == ["1001"]


def test_one_that_the_provider_refuses_is_put_off_longer_each_time_and_never_dropped() -> None:
    stack = pending()
    pauses = []
    for _ in range(10):
        stack.provider.failures["revoke"] = [down()]
        assert work(stack) == result(put_off=1)
        pauses.append(due_in(stack)[0])
        assert work(stack, "token#1001") == result(left=1), "not due yet"
        stack.clock.advance(pauses[-1])

    assert pauses == [45, 90, 180, 360, 720, 1440, 2700, 2700, 2700, 2700]
    assert [(fields["tries"], fields["seconds"]) for _, fields in stack.telemetry.notices] == [
        (tries, seconds) for tries, seconds in enumerate(pauses, start=1)
    ]
    assert due_in(stack) == (0, 10)
    assert work(stack) == result(done=1)


def test_the_age_of_what_is_pending_is_told_from_the_first_mark_on() -> None:
    stack = pending(down(), down())
    work(stack)
    stack.clock.advance(100)
    revoke(stack.listing_call(), "acme", "1001")  # again, by a caller: it is as old as before
    stack.provider.failures["revoke"] = [down()]
    stack.clock.advance(400)
    work(stack)

    ages = [value for name, value, unit in stack.telemetry.counts if (name, unit) == ("OldestRevocationAge", "Seconds")]
    assert ages == [0, 500]


@pytest.mark.parametrize(("named", "kept"), [(300, 300), (999_999, MAX_PAUSE)])
def test_where_the_provider_names_a_longer_wait_that_is_kept_to_for_an_hour(named: int, kept: int) -> None:
    stack = pending(ProviderThrottled("Slow down.", retry_after=named))

    work(stack)

    assert due_in(stack) == (kept, 1)


@pytest.mark.parametrize(
    ("failure", "alarm"),
    [(ProviderRejectedCredentials("No."), "CredentialsRejected"), (ShopUnavailable("Frozen."), "DueItemsPutOff")],
)
def test_what_somebody_must_fix_is_kept_for_later_at_once_and_counted(failure: BrokerError, alarm: str) -> None:
    """So that the alarm on refused credentials hears of it though nobody calls."""
    stack = pending(failure, failure)

    assert work(stack) == result(put_off=1)
    assert due_in(stack) == (2700, 1)
    assert stack.telemetry.events == ["work_rescheduled"]
    assert [stack.telemetry.total(name) for name in (f"Failures.{failure.code}", alarm, "DueItemsPutOff")] == [1, 1, 1]


@unusable_secret
def test_without_a_usable_secret_everything_is_kept_and_done_once_it_is_back(happen: Happen) -> None:
    stack = pending(tokens=3)
    happen(stack)

    assert work(stack) == result(put_off=3)
    assert stack.provider.revoked == []
    assert {due_in(stack, token_id)[0] for token_id in ("1001", "1002", "1003")} == {2700}
    failures = [name for name, _, _ in stack.telemetry.counts if name.startswith("Failures.")]
    assert len(failures) == 1, "two were not tried, and the alarms count merchants rather than items"

    secret_back(stack)
    stack.clock.advance(2700)
    assert work(stack) == result(done=3)


def test_whatever_is_put_off_is_told_of_with_its_name_and_its_tries() -> None:
    """By these the runbook finds what stands still."""
    stack = pending()
    stack.store.schedules["acme"] = Revisioned(RotationSettings(overlap=60), revision=1, due_at=1)
    rotation, _ = request(stack.listing_call(), "acme", compromised=False)
    stack.provider.script = [lost()]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        mint_standing(stack)
    (intent,) = stack.store.open_intents
    stack.clock.advance(2 * DAY)
    stack.telemetry.notices.clear()
    secret_gone(stack)

    work(stack)

    told = {"code": "merchant_not_found", "seconds": 2700, "tries": 1, "merchant": "acme"}
    subjects: list[dict[str, object]] = [
        {"token_id": "1001", "age": 2 * DAY},
        {"rotation": rotation.rotation_id},
        {"item": "rotation settings"},
        {},
        {"intent": intent},
    ]
    assert stack.telemetry.notices == [("work_rescheduled", {**told, **subject}) for subject in subjects]
    assert stack.telemetry.total("RotationsFailed") == 1


def test_a_replaced_token_that_the_provider_does_not_end_is_put_off(stack: ListingStack) -> None:
    """Though its record is another by then: it retired, and is to be revoked now."""
    retiring = stack.store.keep(token("8", state=State.RETIRING))
    now = int(stack.clock.now())
    stack.store.pending[retiring.merchant, "8"] = (now, now, 0, Reason.ROTATED)
    stack.clock.advance(10)
    stack.provider.failures["revoke"] = [down()]

    assert work(stack) == result(put_off=1)

    assert due_in(stack, "8") == (45, 1)
    assert record(stack, "8").state is State.REVOKING


def test_a_token_of_another_shop_than_the_secret_names_is_kept(stack: ListingStack) -> None:
    stack.store.keep(token("1001", provider="shopify", state=State.STANDING, account_id="old.example"))
    stack.store.tokens.mark_revoking(record(stack, "1001"), BY_ANN)

    assert work(stack) == result(put_off=1)
    assert (stack.provider.revoked, due_in(stack)[0]) == ([], 2700)


def test_while_the_provider_is_down_it_is_asked_once_and_the_others_stay_due() -> None:
    stack = pending(down(), tokens=3)

    assert work(stack, "lamp#1", *stack.store.due_items("acme")) == result(put_off=1, left=3)
    assert stack.provider.revoked == ["1001"]
    assert stack.store.due_items("acme") == ["token#1002", "token#1003"]


def test_credentials_that_were_changed_are_read_again() -> None:
    stack = pending(ProviderRejectedCredentials("No."))
    stack.secrets.stored["acme"] = {"key": "second-key"}

    assert work(stack) == result(done=1)


def test_what_there_is_none_of_or_none_any_more_is_left_alone() -> None:
    stack = pending()
    gone = ("rotation#shop", "settings#rotation", "subject#shop", "intent#x")
    stack.store.reconciliation_items.clear()

    assert work(stack, *gone, "reconciliation#shop") == result(left=5)

    rotation, _ = request(stack.listing_call(), "acme", compromised=False)
    stack.store.rotations.end(rotation)
    stack.clock.advance(RETRY_AFTER_CALL)
    assert work(stack, "rotation#shop") == result(left=1)
    assert stack.provider.mints[1:] == []


def due_rotation(stack: ListingStack) -> None:
    """Have a rotation be due."""
    mint_current(stack)
    request(stack.listing_call(), "acme", compromised=False)
    stack.clock.advance(RETRY_AFTER_CALL)


def minted_by_somebody(stack: ListingStack) -> None:
    """Have somebody else hold the lease of the shop's token."""
    shop = stack.store.subjects["acme", "shop"]
    shop.owner, shop.lease_end = "somebody", int(stack.clock.now()) + DAY


def test_a_rotation_comes_back_to_a_token_that_somebody_else_is_making(stack: ListingStack) -> None:
    due_rotation(stack)
    minted_by_somebody(stack)

    assert work(stack, "rotation#shop") == result(put_off=1)

    rotation = stack.store.rotation_items["acme"]
    assert (rotation.due_at, rotation.tries) == (int(stack.clock.now()) + RETRY_AFTER_CALL, 0)
    assert stack.telemetry.total("RotationsFailed") == 0


@pytest.mark.parametrize(
    "item", ["lamp#1", "lamp", "#", "token#", "token#A/../B", "Token#1", "token#1#2", f"token#{'1' * 101}"]
)
def test_work_of_an_unknown_kind_is_put_aside_for_an_hour_and_not_repeated_to_the_log(item: str) -> None:
    stack = pending()
    aside: list[tuple[object, int | None]] = []
    stack.store.schedule.reschedule = lambda *given: aside.append(given)  # type: ignore[method-assign]

    assert work(stack, item, item, "token#1001") == result(done=1, left=2)
    assert stack.telemetry.notices == [("work_item_unknown", {"merchant": "acme"})] * 2
    assert aside == [(UnreadWork("acme", item), int(stack.clock.now()) + MAX_PAUSE)] * 2


def test_where_the_time_is_over_all_that_is_left_is_counted() -> None:
    stack = pending(tokens=3)
    stack.store.before["tokens.mark_revoked"].append(lambda: stack.clock.advance(20))

    assert work(stack, "lamp#1", "token#1001", "token#1002", "token#1003") == result(done=1, left=3)


def test_each_that_is_put_off_is_counted() -> None:
    stack = pending(ProviderError("Bad request."), ProviderError("Bad request."), tokens=3)
    due_rotation(stack)
    minted_by_somebody(stack)

    assert work(stack) == result(done=1, put_off=3)


def test_a_bug_is_raised_although_the_provider_is_down_for_the_next_item() -> None:
    stack = pending(down(), tokens=3)
    stack.store.refuse("tokens.pending_revocation", KeyError("revokingAt"))

    with pytest.raises(KeyError):
        work(stack)

    assert stack.telemetry.total("DueItemsLeft") == 1


def test_an_item_that_breaks_the_work_holds_up_no_other_and_shows() -> None:
    stack = pending(ProviderError("Bad request."), tokens=3)
    stack.store.before["tokens.pending_revocation"].append(lambda: None)
    stack.store.refuse("tokens.pending_revocation", KeyError("revokingAt"))

    with pytest.raises(KeyError):
        work(stack)

    assert stack.provider.revoked == ["1001", "1003"]
    assert [stack.telemetry.total(f"DueItems{name}") for name in ("Done", "PutOff")] == [1, 2]
    broken = {"merchant": "acme", "item": "token#1002", "kind": "KeyError"}
    assert ("work_failed", broken) in stack.telemetry.notices
    assert stack.store.due_items("acme") == [], "it comes back in an hour"
    stack.clock.advance(MAX_PAUSE)
    assert work(stack) == result(done=2)


def test_what_there_is_no_time_for_stays_due() -> None:
    stack = pending(tokens=2)

    assert work(stack, seconds=MIN_SECONDS_LEFT - 1) == result(left=2)
    assert stack.provider.revoked == []
    assert work(stack, seconds=MIN_SECONDS_LEFT) == result(done=2)


def test_a_storage_that_fails_fails_the_message() -> None:
    stack = pending()
    stack.store.refuse("tokens.mark_revoked", StorageUnavailable("Down."))

    with pytest.raises(StorageUnavailable):
        work(stack)

    assert work(stack) == result(done=1)
    assert stack.provider.revoked == ["1001", "1001"]


# Intents


def mint_current(stack: ListingStack) -> None:
    shop_token(stack.call("caller"), "acme")


def mint_standing(stack: ListingStack) -> None:
    standing_token(stack.listing_call("caller"), "acme", "T", None)


def mint_with_key(stack: ListingStack) -> None:
    standing_token(stack.listing_call("caller"), "acme", "T", "key-1")


type Mint = Callable[[ListingStack], None]
MINTS = pytest.mark.parametrize("mint", [mint_current, mint_standing, mint_with_key])


def left_open(mint: Mint, *, acted: bool = True) -> ListingStack:
    """Build a stack with a lost response, a failed look-up and an expired lease."""
    stack = listing_stack()
    stack.provider.script = [stack.provider.make_and_fail(lost()) if acted else lost()]
    stack.provider.failures["list"] = [lost()]
    with pytest.raises(ProviderUnavailable):
        mint(stack)
    assert work(stack) == result(), "not before the lease's end"
    stack.clock.advance(AFTER_THE_LEASE)
    stack.telemetry.notices.clear()
    return stack


@MINTS
def test_a_token_whose_answer_was_lost_is_adopted(mint: Mint) -> None:
    stack = left_open(mint)

    assert work(stack) == result(done=1)

    adopted = record(stack, "1001")
    assert adopted.requested_by == "caller"
    assert adopted.state is (State.CURRENT if mint is mint_current else State.STANDING)
    assert adopted.title == ("Token Broker" if mint is mint_current else "T")
    assert (stack.store.open_intents, stack.store.held_leases, stack.store.due_items("acme")) == ([], 0, [])
    assert stack.telemetry.total("TokensIssued") == 1
    if mint is not mint_standing:
        mint(stack)  # the same token is served
    assert len(stack.provider.mints) == 1


@MINTS
def test_an_intent_that_led_to_nothing_is_ended_two_minutes_later(mint: Mint) -> None:
    stack = left_open(mint, acted=False)
    release, outcomes = stack.store.leases.release, list[RequestOutcome]()

    def note_and_release(lease: MintLease, request_outcome: RequestOutcome) -> None:
        outcomes.append(request_outcome)
        release(lease, request_outcome)

    stack.store.leases.release = note_and_release  # type: ignore[method-assign]
    (intent,) = stack.store.open_intents
    asked_until = int(stack.clock.now() - AFTER_THE_LEASE) + LEASE
    assert work(stack) == result(put_off=1)
    assert (len(stack.store.open_intents), stack.store.held_leases) == (1, 0)
    stack.clock.advance(asked_until + SETTLED_AFTER - stack.clock.now())
    assert work(stack) == result(done=1)

    assert (stack.store.open_intents, stack.store.due_items("acme")) == ([], [])
    assert outcomes == [RequestOutcome.NOT_APPLIED]
    assert stack.telemetry.notices == [("intent_expired", {"merchant": "acme", "intent": intent})]
    assert len(stack.provider.mints) == 1, "the worker mints nothing"


def test_a_token_that_is_listed_late_is_still_adopted() -> None:
    stack = left_open(mint_current, acted=False)
    work(stack)
    (intent,) = stack.store.open_intents
    stack.provider.put(minted("5005"), tag_title("Token Broker", BROKER_ID, intent))
    stack.clock.advance(SETTLED_AFTER)

    assert work(stack) == result(done=1)
    assert record(stack, "5005").state is State.CURRENT


def test_a_caller_that_asked_again_meanwhile_has_its_two_minutes_too() -> None:
    stack = left_open(mint_current, acted=False)
    stack.clock.advance(SETTLED_AFTER)
    stack.provider.script = [lost()]
    with pytest.raises(ProviderUnavailable):
        mint_current(stack)
    stack.clock.advance(AFTER_THE_LEASE)

    assert work(stack) == result(put_off=1)
    assert len(stack.store.open_intents) == 1


@pytest.mark.parametrize(
    "failure", [down(), ProviderRejectedCredentials("No."), ProviderError("No list."), ShopUnavailable("Frozen.")]
)
def test_an_intent_that_cannot_be_looked_up_is_kept_for_later(failure: BrokerError) -> None:
    stack = left_open(mint_standing)
    stack.provider.failures["list"] = [failure, failure]  # type: ignore[list-item]

    assert work(stack) == result(put_off=1)
    assert (len(stack.store.open_intents), stack.store.held_leases, stack.store.due_items("acme")) == (1, 0, [])

    stack.provider.failures["list"] = []
    stack.clock.advance(MAX_PAUSE)
    assert work(stack) == result(done=1)


def test_a_mint_that_is_under_way_is_left_alone(stack: ListingStack) -> None:
    stack.provider.script = [stack.provider.make_after(lambda: work(stack, "subject#shop"))]

    mint_current(stack)

    assert (stack.provider.list_calls, len(stack.provider.mints)) == (0, 1)


def test_one_that_a_caller_has_healed_meanwhile_is_left_alone() -> None:
    stack = left_open(mint_current)
    mint_current(stack)
    lists = stack.provider.list_calls

    assert work(stack, "subject#shop") == result(left=1)
    assert stack.provider.list_calls == lists


def test_a_worker_that_wakes_up_too_late_changes_nothing() -> None:
    stack = left_open(mint_current)
    stack.store.before["leases.commit"].append(stack.store.lose_leases)

    assert work(stack, "lamp#1", "subject#shop") == result(left=2)
    assert stack.store.records == {}
    assert len(stack.store.open_intents) == 1


def test_a_token_that_an_operator_revoked_before_it_was_adopted_stays_revoked() -> None:
    stack = left_open(mint_current)
    revoke(stack.listing_call(), "acme", "1001")
    stack.provider.put(minted("1001"), "still listed")
    stack.clock.advance(SETTLED_AFTER)

    assert work(stack) == result(done=1)
    assert record(stack, "1001").state is State.REVOKED
    assert stack.store.leases.state("acme", "shop").token is None


def test_an_id_that_belongs_to_another_token_keeps_the_intent() -> None:
    stack = left_open(mint_current)
    stack.store.refuse("leases.commit", ProviderError("Another token's id.", request_outcome=RequestOutcome.UNKNOWN))

    assert work(stack) == result(put_off=1)
    assert len(stack.store.open_intents) == 1
