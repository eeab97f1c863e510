"""Do the pending work of one merchant.

Pending work consists of unconfirmed revocations, replaced tokens after their overlap, rotations, checks of the rotation
settings, open intents, the daily reconciliation, unused pairs and migrations.

Every step can be repeated. A run that ends anywhere leaves its items due. An item that fails is rescheduled with a
capped back-off, and is never dropped.
"""

from collections.abc import Sequence
from typing import Any, cast

from token_broker import errors
from token_broker.domain.delays import DOUBLINGS, MAX_PAUSE, pause
from token_broker.domain.pending import UnreadWork, Work, WorkKind, WorkRef
from token_broker.lifecycle.work_handlers import HANDLERS, WorkHandler
from token_broker.ports.provider import ListingProvider, Provider
from token_broker.ports.telemetry import count_failure
from token_broker.tokens.call import Call

#: Seconds that must be left to start one more item.
MIN_SECONDS_LEFT = 6.0


def maintain(call: Call[Provider], merchant: str, items: Sequence[str]) -> dict[str, int]:
    """Work on the items while time remains, and return what became of them.

    `left` counts the items that were not tried, that are not due any more, or that another run works on. Raises
    `StorageUnavailable` if the table fails. Raises the last unexpected exception after all other items.
    """
    worker = Worker(call, merchant)
    try:
        worker.run(items)
    finally:
        call.telemetry.count("DueItemsDone", worker.done)
        call.telemetry.count("DueItemsPutOff", worker.rescheduled)
        call.telemetry.count("DueItemsLeft", worker.skipped)
    return {"done": worker.done, "putOff": worker.rescheduled, "left": worker.skipped}


class Worker:
    """Do the work of one message, and remember what ends it early."""

    def __init__(self, call: Call[Provider], merchant: str) -> None:
        self.done = self.rescheduled = self.skipped = 0
        # The handlers that need a list have work at a provider that lists its tokens only.
        self._call = cast("Call[ListingProvider]", call)
        self._merchant = merchant
        self._permanent: errors.BrokerError | None = None
        self._provider_is_down = False
        self._bug: Exception | None = None

    def run(self, items: Sequence[str]) -> None:
        """Work on each item, until the time is over or the provider does not respond."""
        refs = [(item, self._call.store.schedule.identify(item)) for item in items]
        refs.sort(key=_needs_credentials)
        for number, (item, ref) in enumerate(refs):
            if self._provider_is_down or self._call.deadline.left() < MIN_SECONDS_LEFT:
                self.skipped += len(items) - number  # they stay due for the next run
                break
            try:
                self._work_on(item, ref)
            except errors.StorageUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  # a bug that affects one item must not block the others
                self._call.telemetry.notice(
                    "work_failed", merchant=self._merchant, item=item, kind=type(error).__name__
                )
                self._defer(item)
                self.rescheduled += 1
                self._bug = error
        if self._bug is not None:
            raise self._bug  # the call must show as failed, although its items are rescheduled

    def _work_on(self, item: str, ref: WorkRef | None) -> None:
        if ref is None:
            # A newer version may know the kind. The log does not repeat the text, which can be anything.
            self._call.telemetry.notice("work_item_unknown", merchant=self._merchant)
            self._defer(item)
            self.skipped += 1
            return
        handler = HANDLERS[ref.kind]
        work = handler.load(self._call, self._merchant, ref.name)
        if work is None:
            self.skipped += 1
        elif self._permanent is not None:
            # It is not tried, so no failure and no failed try is counted.
            self._call.store.schedule.reschedule(work, self._next_try(handler, work, self._permanent))
        else:
            self._run(handler, work)

    def _run(self, handler: WorkHandler[Any], work: Work) -> None:
        try:
            retry_at = handler.run(self._call, work)
        except errors.MintInProgress:
            self.skipped += 1  # the lease was lost, and another call has the item
        except (
            errors.ProviderFailure,
            errors.MerchantNotFound,
            errors.MerchantMisconfigured,
            errors.Conflict,
        ) as failure:
            count_failure(self._call.telemetry, failure)  # alarms need the failure, although the call succeeds
            due_at = self._next_try(handler, work, failure)
            self._call.store.schedule.reschedule(work, due_at, failure=failure.code)
            if failure.affects_all:
                self._permanent = failure
            elif isinstance(failure, errors.ProviderFailure) and failure.retryable:
                self._provider_is_down = True  # or it throttles
        else:
            if retry_at is None:
                self.done += 1
            else:
                self._call.store.schedule.reschedule(work, retry_at)
                self.rescheduled += 1

    def _next_try(self, handler: WorkHandler[Any], work: Work, failure: errors.BrokerError) -> int:
        """Report the failure, and return the time of the next try, with a back-off that grows with the tries."""
        telemetry, jitter = self._call.telemetry, self._call.jitter()
        seconds = pause(DOUBLINGS if failure.permanent else work.tries, jitter)
        seconds = max(seconds, min(failure.retry_after_seconds or 0, MAX_PAUSE))
        telemetry.notice(
            "work_rescheduled",
            merchant=self._merchant,
            code=failure.code,
            seconds=seconds,
            tries=work.tries + 1,
            **handler.failed(self._call, work),
        )
        self.rescheduled += 1
        return int(self._call.clock.now()) + seconds

    def _defer(self, item: str) -> None:
        """Reschedule an item that could not be read."""
        self._call.store.schedule.reschedule(UnreadWork(self._merchant, item), int(self._call.clock.now()) + MAX_PAUSE)


def _needs_credentials(item: tuple[str, WorkRef | None]) -> bool:
    """Return whether the work needs the merchant's credentials, which are renewed before it."""
    return item[1] is None or item[1].kind is not WorkKind.PAIR
