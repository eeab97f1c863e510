"""Operations whose calls are counted: each is prepared, and then measured once by a meter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import (
    CHICKSX,
    CLOSE,
    CREATE,
    CURRENT,
    DELETE,
    DISPATCH,
    FOURTHWALL,
    LIST,
    MAINTAIN,
    PUBLISH,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.outbox_items import key_of, outbox_put
from token_broker.domain import events as events_of

HOUR = 60 * 60
READS = ("GetItem", "Query", "GetSecretValue")


@dataclass
class Meter:
    """Measure an operation on a stack with warm processes: its reads, its writes and its requests to the provider."""

    stack: Stack
    clients: Mapping[str, Any]
    measured: tuple[int, int, int] = (-1, -1, -1)
    #: The names of the operation's calls, in their order.
    calls: list[str] = field(default_factory=list)

    def measure(self, function: str, operation: Callable[[], Any]) -> None:
        """Count the calls of an operation. The secret and the stack's name were read before."""
        self.stack.control.forget_requests()
        with counted(*self.clients.values()) as self.calls:
            operation()
        reads = sum(name in READS for name in self.calls)
        requests = 0 if function in (DISPATCH, PUBLISH) else len(self.stack.asked(function))
        self.measured = (reads, len(self.calls) - reads, requests)


def api(stack: Stack, function: str, **event: Any) -> Any:
    response = stack.worker(function).api(**event)
    assert response.status in (200, 201, 202), response
    return response.body


def create(stack: Stack, key: str | None = None) -> str:
    return str(api(stack, CREATE, body={"title": "Kiosk"}, headers={"Idempotency-Key": key})["tokenId"])


def revoke(stack: Stack, token_id: str) -> Any:
    return api(stack, DELETE, path={"tokenId": token_id}, query={})


def from_memory(meter: Meter) -> None:
    api(meter.stack, CURRENT)
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def from_the_table(meter: Meter) -> None:
    """Serve a shop whose access token has ended, which costs nothing more."""
    meter.stack.app_merchant()
    api(meter.stack, CURRENT)
    meter.stack.later(HOUR)
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def current_minted(meter: Meter) -> None:
    revoke(meter.stack, api(meter.stack, CURRENT)["tokenId"])
    meter.stack.clock.offset += 31
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def standing_with_a_renewal(meter: Meter) -> None:
    """Both of the merchant's secrets were read a minute ago, by a call that fails after it."""
    meter.stack.app_merchant()
    create(meter.stack)
    meter.stack.later(HOUR)
    meter.stack.control.fault("shopify", "status", status=503, times=3)
    meter.stack.worker(CREATE).api(headers={"Idempotency-Key": None})
    meter.stack.later(60)
    meter.measure(CREATE, lambda: create(meter.stack))


def standing(meter: Meter, key: str | None = None) -> None:
    create(meter.stack, key)
    meter.measure(CREATE, lambda: create(meter.stack, key))


def reconciled_daily(meter: Meter) -> None:
    create(meter.stack)
    key = {"pk": {"S": f"shopify#{MERCHANT}"}, "sk": {"S": "reconciliation#shop"}}
    work = {"merchant": MERCHANT, "items": ["reconciliation#shop"]}
    for _ in range(2):
        meter.stack.dynamodb.update_item(
            TableName=meter.stack.table,
            Key=key,
            UpdateExpression="SET dueAt = :due",
            ExpressionAttributeValues={":due": {"N": "1000"}},
        )
        meter.measure(MAINTAIN, lambda: meter.stack.worker(MAINTAIN).invoke(work))


def listed(meter: Meter) -> None:
    api(meter.stack, LIST)
    meter.measure(LIST, lambda: api(meter.stack, LIST))


def session(meter: Meter, session_id: str) -> None:
    api(meter.stack, CHICKSX, body={"sessionId": "s-1"})
    meter.measure(CHICKSX, lambda: api(meter.stack, CHICKSX, body={"sessionId": session_id}))


def session_closed(meter: Meter) -> None:
    close = {"merchant": MERCHANT, "sessionId": "s-1"}
    api(meter.stack, CHICKSX, body={"sessionId": "s-1"})
    worker = meter.stack.worker(CLOSE)
    meter.measure(CLOSE, lambda: worker.invoke(close))


def fourthwall_confirmed(meter: Meter) -> None:
    fresh = {"headers": {"Cache-Control": "no-cache"}}
    api(meter.stack, FOURTHWALL, **fresh)
    meter.measure(FOURTHWALL, lambda: api(meter.stack, FOURTHWALL, **fresh))


def dispatched(meter: Meter, merchants: int) -> None:
    """All merchants are in one shard of the index. Each further shard would need a batch of its own."""
    for number in range(merchants):
        key = {"pk": {"S": f"shopify#m-{number}"}, "sk": {"S": "subject#shop"}}
        due = {"due": {"S": "due#7"}, "dueAt": {"N": "1000"}}
        meter.stack.dynamodb.put_item(TableName=meter.stack.table, Item={**key, **due})
    meter.measure(DISPATCH, lambda: meter.stack.worker(DISPATCH).invoke({}))


def published(meter: Meter, events: int) -> None:
    """Deliver so many events. The publisher has delivered another one before."""
    now, names = int(meter.stack.clock.now()), []
    for number in range(events + 1):
        event = events_of.session_closed("chicksx", MERCHANT, f"s-{number}", order_id=None, closed_at=now)
        (pk, sk), attributes = outbox_put(event)
        meter.stack.dynamodb.put_item(TableName=meter.stack.table, Item=wrap_all({"pk": pk, "sk": sk, **attributes}))
        names.append(f"chicksx#{MERCHANT}/{sk}")
    meter.stack.worker(PUBLISH).invoke({"events": names[:1]})
    meter.measure(PUBLISH, lambda: meter.stack.worker(PUBLISH).invoke({"events": names[1:]}))
    for name in names:
        pk, sk = key_of(name)
        meter.stack.dynamodb.delete_item(TableName=meter.stack.table, Key=wrap_all({"pk": pk, "sk": sk}))


SCENARIOS: dict[str, Callable[[Meter], None]] = {
    "the current token, from the cache": from_memory,
    "the current token, from the table": from_the_table,
    "the current token, minted": current_minted,
    "a standing token": standing,
    "a standing token, minted after a refresh": standing_with_a_renewal,
    "a standing token again, by its key": partial(standing, key="k-1"),
    "a session's token, new": partial(session, session_id="s-2"),
    "a session's token, existing": partial(session, session_id="s-1"),
    "closing a session": session_closed,
    "Fourthwall's token, confirmed": fourthwall_confirmed,
    "the list": listed,
    "a dispatcher run, no pending work": partial(dispatched, merchants=0),
    "a dispatcher run, ten merchants": partial(dispatched, merchants=10),
    "the worker: the daily reconciliation": reconciled_daily,
    "an event delivered": partial(published, events=1),
    "ten events delivered": partial(published, events=10),
}
