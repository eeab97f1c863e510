"""Do the pending work of one merchant.

Pending work consists of unconfirmed revocations, replaced tokens after their overlap, rotations, checks of the rotation
settings, open intents and the daily reconciliation.

Every step can be repeated. A run that ends anywhere leaves its items due. An item that fails is rescheduled with a
capped back-off, and is never dropped.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

#: The actor of scheduled changes in histories. The value is stored.
SCHEDULER = "clock"
#: Seconds after its last holder's time at which an open intent without a listed token is ended. A token that the
#: provider does not list by then was not created.
SETTLED_AFTER = 120
#: Seconds that must be left to start one more item.
MIN_SECONDS_LEFT = 6.0

_ITEM = re.compile(r"([a-z]{1,20})#([A-Za-z0-9_-]{1,100})")

#: Failures that last until an operator or the merchant fixes their cause, and that affect all the merchant's items.
PERMANENT_FAILURES = (
    MerchantNotFound,
    MerchantMisconfigured,
    ProviderRejectedCredentials,
    ProviderNotConfigured,
    ShopUnavailable,
)


@dataclass(slots=True)
class WorkSummary:
    """Report what became of the items.

    `skipped` counts the items that were not tried, that are not due any more, or that another run works on.
    """

    done: int = 0
    rescheduled: int = 0
    skipped: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the response of a direct invocation."""
        return {"done": self.done, "putOff": self.rescheduled, "left": self.skipped}


@dataclass(frozen=True, slots=True)
class Job:
    """Hold the work on one item.

    `work` does the work and returns None, or the earliest time of the next try (Unix seconds) if it is not finished.
    `reschedule` sets the time of the next try. `tries` counts the earlier tries. `subject` is logged.
    """

    work: Callable[[], int | None]
    reschedule: Callable[[int], None]
    tries: int
    subject: Mapping[str, object]


def maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str]) -> WorkSummary:
    """Work on the items while time remains.

    Raises `StorageUnavailable` if the table fails. Raises the last unexpected exception after all other items.
    """
    summary = WorkSummary()
    try:
        return _maintain(call, merchant, items, summary)
    finally:
        call.telemetry.count("DueItemsDone", summary.done)
        call.telemetry.count("DueItemsPutOff", summary.rescheduled)
        call.telemetry.count("DueItemsLeft", summary.skipped)


def _maintain(call: Call[ListingProvider], merchant: str, items: Sequence[str], summary: WorkSummary) -> WorkSummary:
    permanent: BrokerError | None = None
    last_bug: Exception | None = None
    for number, item in enumerate(items):
        if call.deadline.left() < MIN_SECONDS_LEFT:
            summary.skipped += len(items) - number
            break
        try:
            failure = _work_on(call, merchant, item, permanent, summary)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a bug that affects one item must not block the others
            call.telemetry.notice("work_failed", merchant=merchant, item=item, kind=type(error).__name__)
            call.store.defer(merchant, item, int(call.clock.now()) + MAX_PAUSE)
            summary.rescheduled += 1
            last_bug = error
            continue
        if isinstance(failure, PERMANENT_FAILURES):
            permanent = failure
        elif isinstance(failure, ProviderFailure) and failure.retryable:
            # The provider is down or throttles. The other items stay due for the next run.
            summary.skipped += len(items) - number - 1
            break
    if last_bug is not None:
        raise last_bug  # the call must show as failed, although its items are rescheduled
    return summary


def _work_on(
    call: Call[ListingProvider], merchant: str, item: str, permanent: BrokerError | None, summary: WorkSummary
) -> BrokerError | None:
    """Do the item's work, and return the failure with which it was rescheduled.

    An item is rescheduled without a try if an earlier item had a `permanent` failure.
    """
    job = _job(call, merchant, item)
    if job is None:
        summary.skipped += 1
        return None
    if permanent is not None:
        _reschedule(call, job, permanent)
        summary.rescheduled += 1
        return permanent
    return _run(call, job, summary)


def _run(call: Call[ListingProvider], job: Job, summary: WorkSummary) -> BrokerError | None:
    """Run the job, and return the failure with which it was rescheduled."""
    try:
        retry_at = job.work()
    except MintInProgress:
        summary.skipped += 1  # the lease was lost, and another call has the item
        return None
    except (ProviderFailure, MerchantNotFound, MerchantMisconfigured, Conflict) as failure:
        _reschedule(call, job, failure)
        summary.rescheduled += 1
        return failure
    if retry_at is None:
        summary.done += 1
    else:
        job.reschedule(retry_at)
        summary.rescheduled += 1
    return None


def _reschedule(call: Call[ListingProvider], job: Job, failure: BrokerError) -> None:
    permanent = isinstance(failure, (*PERMANENT_FAILURES, Conflict))
    seconds = pause(DOUBLINGS if permanent else job.tries, call.jitter())
    seconds = max(seconds, min(failure.retry_after_seconds or 0, MAX_PAUSE))
    call.telemetry.count(f"Failures.{failure.code}")  # alarms need the failure, although the call succeeds
    call.telemetry.notice("work_rescheduled", code=failure.code, seconds=seconds, tries=job.tries + 1, **job.subject)
    job.reschedule(int(call.clock.now()) + seconds)


def _job(call: Call[ListingProvider], merchant: str, item: str) -> Job | None:
    """Return the item's job, or None if the item is unknown, not due any more or held by another call."""
    key = _ITEM.fullmatch(item)
    if key is not None and (build := _KINDS.get(key[1])) is not None:
        return build(call, merchant, key[2])
    # The log never repeats a key that does not match the pattern.
    call.telemetry.notice("work_item_unknown", merchant=merchant, kind=key and key[1])
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
            # The overlap is over. The token is never served again, even if the provider does not respond.
            call.store.mark_revoking(token, Change(SCHEDULER, Reason.ROTATED))
            pending = call.store.pending_revocation(merchant, token_id) or pending
        if token.account_id not in ("", call.account(merchant).account_id):
            raise Conflict("The token was created at another shop than the one in the merchant's secret.")
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
        if failure is None:  # the rotation was not tried, or another call is minting
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
        rotation_settings.check(call, merchant, schedule, by=SCHEDULER)

    def reschedule(due_at: int) -> None:
        call.store.reschedule_settings_check(merchant, schedule, due_at)

    return Job(work, reschedule, 0, {"merchant": merchant, "item": "settings#rotation"})


def _reconciliation(call: Call[ListingProvider], merchant: str, _name: str) -> Job | None:
    from token_broker.lifecycle import reconcile

    scheduled = call.store.reconciliation(merchant)
    if scheduled is None or scheduled.due_at is None or scheduled.due_at > call.clock.now():
        return None
    scheduled_call = call.as_caller(SCHEDULER)

    def reschedule(due_at: int) -> None:
        call.telemetry.count("ReconciliationsFailed")
        call.store.reschedule_reconciliation(scheduled, due_at)

    return Job(
        lambda: reconcile.reconcile_on_schedule(scheduled_call, scheduled),
        reschedule,
        scheduled.tries,
        {"merchant": merchant},
    )


#: The kinds of pending work, by the first part of the item's key.
_KINDS: Mapping[str, Callable[[Call[ListingProvider], str, str], Job | None]] = {
    "token": _revocation,
    "rotation": _rotation,
    "settings": _settings,
    "reconciliation": _reconciliation,
    "subject": lambda call, merchant, name: _intent(call, merchant, f"subject#{name}"),
    "intent": lambda call, merchant, name: _intent(call, merchant, f"intent#{name}"),
}
