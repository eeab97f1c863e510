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

from token_broker.domain.delays import DOUBLINGS, MAX_PAUSE, pause
from token_broker.domain.ownership_tag import new_owner
from token_broker.domain.token import Change, Reason, State
from token_broker.errors import (
    BrokerError,
    Conflict,
    MerchantMisconfigured,
    MerchantNotFound,
    MintInProgress,
    ProviderFailure,
    ProviderNotConfigured,
    ProviderRejectedCredentials,
    RequestOutcome,
    ShopUnavailable,
    StorageUnavailable,
)
from token_broker.ports.provider import ListingProvider
from token_broker.tokens.call import PROVIDER_BUDGET, Call
from token_broker.tokens.mint import adopt

#: Who does it, in histories.
SCHEDULER = "clock"
#: Seconds after the end of its last holder's time at which an intent that led to nothing is ended: what a provider
#: does not list by then, it has not made.
SETTLED_AFTER = 120
#: Seconds that must be left to begin with one more item.
ITEM_TIME = 6.0

_ITEM = re.compile(r"([a-z]{1,20})#([A-Za-z0-9_-]{1,100})")

#: What no later item of the merchant would fare better with, nor the same one soon: somebody has to mend it.
PERMANENT_FAILURES = (
    MerchantNotFound,
    MerchantMisconfigured,
    ProviderRejectedCredentials,
    ProviderNotConfigured,
    ShopUnavailable,
)


@dataclass(slots=True)
class WorkSummary:
    """What became of the items. Those `left` were not looked at, or are not due (any more)."""

    done: int = 0
    rescheduled: int = 0
    skipped: int = 0

    def as_json(self) -> dict[str, Any]:
        """The answer to a direct invocation."""
        return {"done": self.done, "putOff": self.rescheduled, "left": self.skipped}


@dataclass(frozen=True, slots=True)
class Job:
    """One item in work: `work` tells whether it is finished, or when to come back at the earliest (Unix seconds);
    `put_off` has it come back then. `tries` is how often it was put off before.
    """

    work: Callable[[], int | None]
    reschedule: Callable[[int], None]
    tries: int
    subject: Mapping[str, object]


def maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str]) -> WorkSummary:
    """Work on the items, as far as the time goes. Raises `StorageUnavailable`."""
    summary = WorkSummary()
    try:
        return _maintain(call, merchant, items, summary)
    finally:
        call.telemetry.count("DueItemsDone", summary.done)
        call.telemetry.count("DueItemsPutOff", summary.rescheduled)
        call.telemetry.count("DueItemsLeft", summary.skipped)


def _maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str], summary: WorkSummary) -> WorkSummary:
    permanent: BrokerError | None = None
    first_bug: Exception | None = None
    for number, item in enumerate(items):
        if call.deadline.left() < ITEM_TIME:
            summary.skipped += len(items) - number
            break
        try:
            failure = _work_on(call, merchant, item, permanent, summary)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours with one item must not hold up the others
            call.telemetry.notice("work_failed", merchant=merchant, item=item, kind=type(error).__name__)
            call.store.defer(merchant, item, int(call.clock.now()) + MAX_PAUSE)
            summary.rescheduled += 1
            first_bug = error
            continue
        if isinstance(failure, PERMANENT_FAILURES):
            permanent = failure
        elif isinstance(failure, ProviderFailure) and failure.retryable:
            # It is down, or wants fewer requests: the others stay due, and the next run tries again with one of them.
            summary.skipped += len(items) - number - 1
            break
    if first_bug is not None:
        raise first_bug  # so that it shows: the items are put off, nothing is asked twice
    return summary


def _work_on(
    call: Call[ListingProvider], merchant: str, item: str, permanent: BrokerError | None, summary: WorkSummary
) -> BrokerError | None:
    """What the item failed with, once it is put off; what is `lasting` is not tried again with it."""
    job = _job(call, merchant, item)
    if job is None:
        summary.skipped += 1
        return None
    if permanent is not None:
        _reschedule(call, job, permanent)
        summary.rescheduled += 1
        return permanent
    return _do(call, job, summary)


def _do(call: Call[ListingProvider], job: Job, summary: WorkSummary) -> BrokerError | None:
    """What it failed with, once it is put off."""
    try:
        again_at = job.work()
    except MintInProgress:
        summary.skipped += 1  # the right to end it was lost: it is another's by now
        return None
    except (ProviderFailure, MerchantNotFound, MerchantMisconfigured, Conflict) as failure:
        _reschedule(call, job, failure)
        summary.rescheduled += 1
        return failure
    if again_at is None:
        summary.done += 1
    else:
        job.reschedule(again_at)
        summary.rescheduled += 1
    return None


def _reschedule(call: Call[ListingProvider], job: Job, failure: BrokerError) -> None:
    permanent = isinstance(failure, (*PERMANENT_FAILURES, Conflict))
    seconds = pause(DOUBLINGS if permanent else job.tries, call.jitter())
    seconds = max(seconds, min(failure.retry_after_seconds or 0, MAX_PAUSE))
    call.telemetry.count(f"Failures.{failure.code}")  # no call fails with it, but alarms must hear of it
    call.telemetry.notice("work_rescheduled", code=failure.code, seconds=seconds, tries=job.tries + 1, **job.subject)
    job.reschedule(int(call.clock.now()) + seconds)


def _job(call: Call[ListingProvider], merchant: str, item: str) -> Job | None:
    """The item's job, by what it is; None where nothing is due (any more), or somebody else has it."""
    known = _ITEM.fullmatch(item)
    if known is not None and (make := _KINDS.get(known[1])) is not None:
        return make(call, merchant, known[2])
    # What fits no pattern is not repeated to the log.
    call.telemetry.notice("work_item_unknown", merchant=merchant, kind=known and known[1])
    call.store.defer(merchant, item, int(call.clock.now()) + MAX_PAUSE)
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
            call.store.mark_revoking(token, Change(SCHEDULER, Reason.ROTATED))
            pending = call.store.pending_revocation(merchant, token_id) or pending
        if token.account_id not in ("", call.account(merchant).account_id):
            raise Conflict("The token was made at another shop than the merchant's secret names now.")
        call.with_credential_refresh(merchant, lambda account: call.provider.revoke(account, token_id, until))
        call.store.mark_revoked(token, Change(SCHEDULER, pending.reason))
        call.telemetry.count("TokensRevoked")

    def reschedule(due_at: int) -> None:
        call.telemetry.count("OldestRevocationAge", age, "Seconds")
        call.store.reschedule_revocation(pending, due_at)

    return Job(work, reschedule, pending.tries, {"merchant": merchant, "token_id": token_id, "age": age})


def _intent(call: Call[ListingProvider], merchant: str, item: str) -> Job | None:
    intent = call.store.acquire_expired(merchant, item, new_owner())
    if intent is None:
        return None
    lease = intent.lease
    settled_at = intent.asked_until + SETTLED_AFTER

    def work() -> int | None:
        if adopt(call, intent, call.deadline.within(PROVIDER_BUDGET)) is not None:
            return None
        if call.clock.now() < settled_at:
            return settled_at
        call.store.release(lease, RequestOutcome.NOT_APPLIED)
        call.telemetry.notice("intent_expired", merchant=merchant, intent=lease.intent_id)
        return None

    subject = {"merchant": merchant, "intent": lease.intent_id}
    return Job(work, lambda due_at: call.store.release_and_retry_at(lease, due_at), intent.tries, subject)


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
            return int(call.clock.now()) + rotate.RETRY_AFTER_CALL
        except BrokerError as error:
            failure = error.code
            raise
        return None

    def reschedule(due_at: int) -> None:
        if failure is None:  # it was not tried, or is another's just now
            call.store.defer(merchant, "rotation#shop", due_at)
            return
        call.telemetry.count("RotationsFailed")
        call.store.reschedule_rotation(rotation, due_at, failure)

    return Job(work, reschedule, rotation.tries, {"merchant": merchant, "rotation": rotation.rotation_id})


def _settings(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import rotation_settings

    found = call.store.rotation_schedule(merchant)
    if found is None or found.due_at is None or found.due_at > call.clock.now():
        return None
    schedule = found

    def work() -> None:
        rotation_settings.look(call, merchant, schedule, by=SCHEDULER)

    def reschedule(due_at: int) -> None:
        call.store.reschedule_settings_check(merchant, schedule, due_at)

    return Job(work, reschedule, 0, {"merchant": merchant, "item": "settings#rotation"})


def _reconciliation(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import reconcile

    scheduled = call.store.reconciliation(merchant)
    if scheduled is None or scheduled.due_at is None or scheduled.due_at > call.clock.now():
        return None
    by_the_clock = replace(call, caller=SCHEDULER)

    def reschedule(due_at: int) -> None:
        call.telemetry.count("ReconciliationsFailed")
        call.store.reschedule_reconciliation(scheduled, due_at)

    return Job(
        lambda: reconcile.reconcile_on_schedule(by_the_clock, scheduled),
        reschedule,
        scheduled.tries,
        {"merchant": merchant},
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
