"""Working off what is due of one merchant: revocations that the provider has not confirmed, replaced tokens whose
overlap is over, rotations and the settings that ask for them, intents that their holder left open, and the daily
look at the provider's list.

Every step can be done again: a run that ends anywhere leaves its items due. An item that cannot be finished is put off
with a capped back-off, and never given up.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from token_broker.domain.delays import DOUBLINGS, LONGEST_PAUSE, pause
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.token import Cause, State, Why
from token_broker.errors import (
    BrokerError,
    Conflict,
    Fate,
    MerchantMisconfigured,
    MerchantNotFound,
    MintInProgress,
    ProviderFailure,
    ProviderNotConfigured,
    ProviderRejectedCredentials,
    ShopUnavailable,
    StorageUnavailable,
)
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.mint import adopt

#: Who does it, in histories.
CLOCK = "clock"
#: Seconds after the end of its last holder's time at which an intent that led to nothing is ended: what a provider
#: does not list by then, it has not made.
SETTLED_AFTER = 120
#: Seconds that must be left to begin with one more item.
ITEM_TIME = 6.0

_ITEM = re.compile(r"([a-z]{1,20})#([A-Za-z0-9_-]{1,100})")

#: What no later item of the merchant would fare better with, nor the same one soon: somebody has to mend it.
_LASTING = (
    MerchantNotFound,
    MerchantMisconfigured,
    ProviderRejectedCredentials,
    ProviderNotConfigured,
    ShopUnavailable,
)


@dataclass(slots=True)
class Maintained:
    """What became of the items. Those `left` were not looked at, or are not due (any more)."""

    done: int = 0
    put_off: int = 0
    left: int = 0

    def as_json(self) -> dict[str, Any]:
        """The answer to a direct invocation."""
        return {"done": self.done, "putOff": self.put_off, "left": self.left}


@dataclass(frozen=True, slots=True)
class Job:
    """One item in work: `work` tells whether it is finished, or when to come back at the earliest (Unix seconds);
    `put_off` has it come back then. `tries` is how often it was put off before.
    """

    work: Callable[[], int | None]
    put_off: Callable[[int], None]
    tries: int
    subject: Mapping[str, object]


def maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str]) -> Maintained:
    """Work on the items, as far as the time goes. Raises `StorageUnavailable`."""
    so_far = Maintained()
    try:
        return _maintain(call, merchant, items, so_far)
    finally:
        call.telemetry.count("DueItemsDone", so_far.done)
        call.telemetry.count("DueItemsPutOff", so_far.put_off)
        call.telemetry.count("DueItemsLeft", so_far.left)


def _maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str], so_far: Maintained) -> Maintained:
    lasting: BrokerError | None = None
    broken: Exception | None = None
    for number, item in enumerate(items):
        if call.deadline.left() < ITEM_TIME:
            so_far.left += len(items) - number
            break
        try:
            failure = _work_on(call, merchant, item, lasting, so_far)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours with one item must not hold up the others
            call.telemetry.notice("due_item_broken", merchant=merchant, item=item, kind=type(error).__name__)
            call.store.set_aside(merchant, item, int(call.clock.now()) + LONGEST_PAUSE)
            so_far.put_off += 1
            broken = error
            continue
        if isinstance(failure, _LASTING):
            lasting = failure
        elif isinstance(failure, ProviderFailure) and failure.retryable:
            # It is down, or wants fewer requests: the others stay due, and the next run tries again with one of them.
            so_far.left += len(items) - number - 1
            break
    if broken is not None:
        raise broken  # so that it shows: the items are put off, nothing is asked twice
    return so_far


def _work_on(
    call: Call[ListingProvider], merchant: str, item: str, lasting: BrokerError | None, so_far: Maintained
) -> BrokerError | None:
    """What the item failed with, once it is put off; what is `lasting` is not tried again with it."""
    job = _job(call, merchant, item)
    if job is None:
        so_far.left += 1
        return None
    if lasting is not None:
        _put_off(call, job, lasting)
        so_far.put_off += 1
        return lasting
    return _do(call, job, so_far)


def _do(call: Call[ListingProvider], job: Job, so_far: Maintained) -> BrokerError | None:
    """What it failed with, once it is put off."""
    try:
        again_at = job.work()
    except MintInProgress:
        so_far.left += 1  # the right to end it was lost: it is another's by now
        return None
    except (ProviderFailure, MerchantNotFound, MerchantMisconfigured, Conflict) as failure:
        _put_off(call, job, failure)
        so_far.put_off += 1
        return failure
    if again_at is None:
        so_far.done += 1
    else:
        job.put_off(again_at)
        so_far.put_off += 1
    return None


def _put_off(call: Call[ListingProvider], job: Job, failure: BrokerError) -> None:
    lasting = isinstance(failure, (*_LASTING, Conflict))
    seconds = pause(DOUBLINGS if lasting else job.tries, call.jitter())
    seconds = max(seconds, min(failure.retry_after_seconds or 0, LONGEST_PAUSE))
    call.telemetry.count(f"Failures.{failure.code}")  # no call fails with it, but alarms must hear of it
    call.telemetry.notice("due_item_put_off", code=failure.code, seconds=seconds, tries=job.tries + 1, **job.subject)
    job.put_off(int(call.clock.now()) + seconds)


def _job(call: Call[ListingProvider], merchant: str, item: str) -> Job | None:
    """The item's job, by what it is; None where nothing is due (any more), or somebody else has it."""
    known = _ITEM.fullmatch(item)
    if known is not None and (make := _KINDS.get(known[1])) is not None:
        return make(call, merchant, known[2])
    # What fits no pattern is not repeated to the log.
    call.telemetry.notice("due_item_unknown", merchant=merchant, kind=known and known[1])
    call.store.set_aside(merchant, item, int(call.clock.now()) + LONGEST_PAUSE)
    return None


def _revocation(call: Call[ListingProvider], merchant: str, token_id: str) -> Job | None:
    found = call.store.pending_revocation(merchant, token_id)
    now = int(call.clock.now())
    if found is None:
        return None
    pending = found
    if pending.due_at > now:
        return None
    token, age = pending.token, now - pending.since

    def work() -> None:
        nonlocal pending
        until = call.deadline.within(PROVIDER_BUDGET)
        if token.state is State.RETIRING:
            # Whatever becomes of the asking: its time is over, and it is served no more.
            call.store.mark_revoking(token, Cause(CLOCK, Why.ROTATED))
            pending = call.store.pending_revocation(merchant, token_id) or pending
        if token.realm not in ("", call.account(merchant).realm):
            raise Conflict("The token was made at another shop than the merchant's secret names now.")
        call.ask(merchant, lambda account: call.provider.revoke(account, token_id, until))
        call.store.mark_revoked(token, Cause(CLOCK, pending.why))
        call.telemetry.count("TokensRevoked")

    def put_off(due_at: int) -> None:
        call.telemetry.count("OldestRevocationAge", age, "Seconds")
        call.store.put_off(pending, due_at)

    return Job(work, put_off, pending.tries, {"merchant": merchant, "token_id": token_id, "age": age})


def _intent(call: Call[ListingProvider], merchant: str, item: str) -> Job | None:
    intent = call.store.take_over(merchant, item, new_owner())
    if intent is None:
        return None
    mint = intent.mint
    settled_at = intent.asked_until + SETTLED_AFTER

    def work() -> int | None:
        if adopt(call, intent, call.deadline.within(PROVIDER_BUDGET)) is not None:
            return None
        if call.clock.now() < settled_at:
            return settled_at
        call.store.give_up(mint, Fate.NOT_DONE)
        call.telemetry.notice("intent_led_to_nothing", merchant=merchant, intent=mint.intent_id)
        return None

    subject = {"merchant": merchant, "intent": mint.intent_id}
    return Job(work, lambda due_at: call.store.leave_open(mint, due_at), intent.tries, subject)


def _rotation(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import rotate

    rotation = call.store.rotation(merchant)
    if rotation is None or not rotation.open or rotation.due_at > call.clock.now():
        return None
    failure: str | None = None

    def work() -> int | None:
        nonlocal failure
        try:
            rotate.advance(call, rotation)
        except MintInProgress:
            return int(call.clock.now()) + rotate.CALL_TIME
        except BrokerError as error:
            failure = error.code
            raise
        return None

    def put_off(due_at: int) -> None:
        if failure is None:  # it was not tried, or is another's just now
            call.store.set_aside(merchant, "rotation#shop", due_at)
            return
        call.telemetry.count("RotationsFailed")
        call.store.put_off_rotation(rotation, due_at, failure)

    return Job(work, put_off, rotation.tries, {"merchant": merchant, "rotation": rotation.rotation_id})


def _settings(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import rotation_settings

    found = call.store.rotation_schedule(merchant)
    if found is None or found.due_at is None or found.due_at > call.clock.now():
        return None
    schedule = found

    def work() -> None:
        rotation_settings.look(call, merchant, schedule, by=CLOCK)

    def put_off(due_at: int) -> None:
        call.store.look_again(merchant, schedule, due_at)

    return Job(work, put_off, 0, {"merchant": merchant, "item": "settings#rotation"})


def _reconciliation(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import reconcile

    seen = call.store.reconciliation(merchant)
    if seen is None or seen.due_at is None or seen.due_at > call.clock.now():
        return None
    by_the_clock = replace(call, caller=CLOCK)

    def put_off(due_at: int) -> None:
        call.telemetry.count("ReconciliationsFailed")
        call.store.put_off_reconciliation(seen, due_at)

    return Job(
        lambda: reconcile.reconcile_by_the_clock(by_the_clock, seen), put_off, seen.tries, {"merchant": merchant}
    )


#: What can be due, by what its key begins with: a further kind of work is one more line.
_KINDS: Mapping[str, Callable[[Call[ListingProvider], str, str], Job | None]] = {
    "token": _revocation,
    "rotation": _rotation,
    "settings": _settings,
    "reconciliation": _reconciliation,
    "subject": lambda call, merchant, name: _intent(call, merchant, f"subject#{name}"),
    "intent": lambda call, merchant, name: _intent(call, merchant, f"intent#{name}"),
}
