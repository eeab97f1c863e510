"""Each operation makes the calls that the table in docs/lifecycle.md lists."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import pytest

from tests.integration.support.aws_call_counter import counted
from tests.integration.support.functions import (
    CHICKSX,
    CREATE,
    CURRENT,
    DELETE,
    DISPATCH,
    FOURTHWALL,
    GET_RECORD,
    LIST,
    MAINTAIN,
    PUBLISH,
    PUT_ROTATION_SETTINGS,
    ROOT,
    ROTATE,
)
from tests.integration.support.in_process_stack import MERCHANT, Stack
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.leases import LEASE
from token_broker.aws.store.outbox_items import REDELIVER_AFTER, key_of, outbox_put
from token_broker.domain import events as events_of

CLOSE = "chicksx/close_session"
HOUR = 60 * 60
DAY = 24 * HOUR


@dataclass
class Meter:
    """Measure an operation on a stack with warm processes. `aws` and `provider` are its calls, in their order."""

    stack: Stack
    clients: Mapping[str, Any]
    aws: list[str] = field(default_factory=list)
    provider: list[str] = field(default_factory=list)

    def measure(self, function: str, operation: Callable[[], Any]) -> None:
        """Record the calls of an operation. The secret and the stack's name were read before."""
        self.stack.control.forget_requests()
        with counted(*self.clients.values()) as calls:
            operation()
        self.aws = list(calls)
        at_a_provider = function not in (DISPATCH, PUBLISH)
        self.provider = [each["method"] for each in self.stack.asked(function)] if at_a_provider else []


@pytest.fixture
def meter(stack: Stack, aws: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    sqs = aws["sqs"]
    queue = sqs.create_queue(QueueName="work.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv("WORK_QUEUE_SHOPIFY", queue)
    aws["events"].create_event_bus(Name=os.environ["EVENT_BUS"])
    yield Meter(stack, aws)
    aws["events"].delete_event_bus(Name=os.environ["EVENT_BUS"])
    sqs.delete_queue(QueueUrl=queue)


def api(stack: Stack, function: str, **event: Any) -> Any:
    response = stack.worker(function).api(**event)
    assert response.status in (200, 201, 202), response
    return response.body


def create(stack: Stack, key: str | None = None) -> str:
    return str(api(stack, CREATE, body={"title": "Kiosk"}, headers={"Idempotency-Key": key})["tokenId"])


def session(stack: Stack, session_id: str) -> Any:
    return api(stack, CHICKSX, body={"sessionId": session_id})


def revoke(stack: Stack, token_id: str) -> Any:
    return api(stack, DELETE, path={"tokenId": token_id}, query={})


def work(stack: Stack, item: str) -> Any:
    return stack.worker(MAINTAIN).invoke({"merchant": MERCHANT, "items": [item]})


def from_memory(meter: Meter) -> None:
    api(meter.stack, CURRENT)
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def from_the_table(meter: Meter) -> None:
    api(meter.stack, CURRENT)
    meter.stack.clock.offset += 31
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def current_minted(meter: Meter) -> None:
    first = api(meter.stack, CURRENT)["tokenId"]
    revoke(meter.stack, first)
    meter.stack.clock.offset += 31
    meter.measure(CURRENT, lambda: api(meter.stack, CURRENT))


def minted_with_a_pair(meter: Meter) -> None:
    meter.stack.app_merchant()
    current_minted(meter)


def from_the_table_after_the_hour(meter: Meter) -> None:
    meter.stack.app_merchant()
    api(meter.stack, CURRENT)
    meter.stack.later(HOUR)
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


def standing(meter: Meter) -> None:
    create(meter.stack)
    meter.measure(CREATE, lambda: create(meter.stack))


def standing_again(meter: Meter) -> None:
    create(meter.stack, "k-1")
    meter.measure(CREATE, lambda: create(meter.stack, "k-1"))


def standing_lost(meter: Meter) -> None:
    create(meter.stack)
    meter.stack.control.fault("shopify", "act_then_drop", method="POST")
    meter.measure(CREATE, lambda: create(meter.stack))


def standing_at_the_limit(meter: Meter) -> None:
    create(meter.stack)
    meter.stack.control.fault("shopify", "status", method="DELETE", status=503, times=3)
    revoke(meter.stack, create(meter.stack))
    meter.stack.control.plant_tokens(MERCHANT, count=98)
    meter.measure(CREATE, lambda: create(meter.stack))


def reconcile(stack: Stack, *, apply: bool) -> Any:
    return api(stack, "shopify/reconcile", body={"apply": apply})


def reconciled_dry(meter: Meter) -> None:
    create(meter.stack)
    reconcile(meter.stack, apply=False)
    meter.measure("shopify/reconcile", lambda: reconcile(meter.stack, apply=False))


def reconciled(meter: Meter) -> None:
    create(meter.stack)
    reconcile(meter.stack, apply=True)
    (broker_id,) = [item["brokerId"] for item in meter.stack.items() if item["pk"] == "broker"]
    meter.stack.control.plant_tokens(MERCHANT, title=f"Kiosk [tb:{broker_id}:{'a' * 26}]")
    meter.measure("shopify/reconcile", lambda: reconcile(meter.stack, apply=True))


def reconciled_daily(meter: Meter) -> None:
    create(meter.stack)
    key = {"pk": {"S": f"shopify#{MERCHANT}"}, "sk": {"S": "reconciliation#shop"}}
    for _ in range(2):
        meter.stack.dynamodb.update_item(
            TableName=meter.stack.table,
            Key=key,
            UpdateExpression="SET dueAt = :due",
            ExpressionAttributeValues={":due": {"N": "1000"}},
        )
        meter.measure(MAINTAIN, lambda: work(meter.stack, "reconciliation#shop"))


def listed(meter: Meter) -> None:
    api(meter.stack, LIST)
    meter.measure(LIST, lambda: api(meter.stack, LIST))


def standing_revoked(meter: Meter) -> None:
    first, second = create(meter.stack), create(meter.stack)
    revoke(meter.stack, first)
    meter.measure(DELETE, lambda: revoke(meter.stack, second))


def current_revoked(meter: Meter) -> None:
    revoke(meter.stack, create(meter.stack))
    current = api(meter.stack, CURRENT)["tokenId"]
    meter.measure(DELETE, lambda: revoke(meter.stack, current))


def rotate(stack: Stack, **body: Any) -> Any:
    return api(stack, ROTATE, body=body)


def rotated(meter: Meter) -> None:
    api(meter.stack, CURRENT)
    rotate(meter.stack)
    meter.stack.clock.offset += 61
    meter.measure(ROTATE, lambda: rotate(meter.stack))


def rotation_joined(meter: Meter) -> None:
    api(meter.stack, CURRENT)
    rotate(meter.stack)
    meter.measure(ROTATE, lambda: rotate(meter.stack))


def overlap_ended(meter: Meter) -> None:
    first = api(meter.stack, CURRENT)["tokenId"]
    second = rotate(meter.stack)["tokenId"]
    meter.stack.clock.offset += 61
    rotate(meter.stack)
    meter.stack.clock.offset += 8 * DAY
    work(meter.stack, f"token#{first}")
    meter.measure(MAINTAIN, lambda: work(meter.stack, f"token#{second}"))


def session_new(meter: Meter) -> None:
    session(meter.stack, "s-1")
    meter.measure(CHICKSX, lambda: session(meter.stack, "s-2"))


def session_existing(meter: Meter) -> None:
    session(meter.stack, "s-1")
    meter.measure(CHICKSX, lambda: session(meter.stack, "s-1"))


def session_closed(meter: Meter) -> None:
    session(meter.stack, "s-1")
    close = {"merchant": MERCHANT, "sessionId": "s-2"}
    meter.measure(CLOSE, lambda: meter.stack.worker(CLOSE).invoke(close))


def fourthwall_new(meter: Meter) -> None:
    api(meter.stack, FOURTHWALL)
    meter.stack.merchant("fourthwall", "other")
    other: dict[str, Any] = {"path": {"merchant": "other"}}
    # Its secret is read by a call that fails after it.
    meter.stack.control.fault("fourthwall", "status", status=500, times=3)
    meter.stack.worker(FOURTHWALL).api(**other)
    meter.stack.control.forget_faults()
    meter.measure(FOURTHWALL, lambda: api(meter.stack, FOURTHWALL, **other))


def fourthwall_confirmed(meter: Meter) -> None:
    api(meter.stack, FOURTHWALL)
    fresh = {"headers": {"Cache-Control": "no-cache"}}
    api(meter.stack, FOURTHWALL, **fresh)
    meter.measure(FOURTHWALL, lambda: api(meter.stack, FOURTHWALL, **fresh))


def idle_run(meter: Meter) -> None:
    meter.stack.worker(DISPATCH).invoke({})
    meter.measure(DISPATCH, lambda: meter.stack.worker(DISPATCH).invoke({}))


def run_for_ten(meter: Meter) -> None:
    """All ten merchants are in one shard of the index. Each further shard would need a batch of its own."""
    for number in range(10):
        key = {"pk": {"S": f"shopify#m-{number}"}, "sk": {"S": "subject#shop"}}
        due = {"due": {"S": "due#7"}, "dueAt": {"N": "1000"}}
        meter.stack.dynamodb.put_item(TableName=meter.stack.table, Item={**key, **due})
    meter.measure(DISPATCH, lambda: meter.stack.worker(DISPATCH).invoke({}))


def pending(meter: Meter) -> str:
    """Return the item of an unconfirmed revocation. The worker has done other work before."""
    meter.stack.control.fault("shopify", "status", method="DELETE", status=503, times=6)
    tokens = [create(meter.stack), create(meter.stack)]
    for token_id in tokens:
        revoke(meter.stack, token_id)
    work(meter.stack, f"token#{tokens[0]}")
    return f"token#{tokens[1]}"


def revocation_confirmed(meter: Meter) -> None:
    item = pending(meter)
    meter.measure(MAINTAIN, lambda: work(meter.stack, item))


def revocation_rescheduled(meter: Meter) -> None:
    item = pending(meter)
    meter.stack.control.fault("shopify", "status", method="DELETE", status=503, times=3)
    meter.measure(MAINTAIN, lambda: work(meter.stack, item))


def nothing_pending(meter: Meter) -> None:
    item = pending(meter)
    work(meter.stack, item)
    meter.measure(MAINTAIN, lambda: work(meter.stack, item))


def opened(meter: Meter, kind: str) -> str:
    """Return the item of an intent that a lost response left open. The worker has ended another intent before."""
    items: list[str] = []
    for _ in range(2):
        meter.stack.control.fault("shopify", kind, method="POST")
        meter.stack.control.fault("shopify", "status", method="GET", status=500, times=3)
        meter.stack.worker(CREATE).api(body={"title": "Kiosk"}, headers={"Idempotency-Key": None})
        (item,) = [each["sk"] for each in meter.stack.items() if "intentId" in each and each["sk"] not in items]
        items.append(item)
    meter.stack.clock.offset += LEASE + 1
    work(meter.stack, items[0])
    return items[1]


def adopted(meter: Meter) -> None:
    item = opened(meter, "act_then_drop")
    meter.measure(MAINTAIN, lambda: work(meter.stack, item))


def still_open(meter: Meter) -> None:
    item = opened(meter, "drop_before_acting")
    meter.measure(MAINTAIN, lambda: work(meter.stack, item))


def published(meter: Meter, *, events: int, ago: int = 0) -> None:
    """Deliver so many events. The publisher has delivered another one before."""
    now, names = int(meter.stack.clock.now()), []
    for number in range(events + 1):
        event = events_of.session_closed("chicksx", MERCHANT, f"s-{number}", order_id=None, closed_at=now - ago)
        (pk, sk), attributes = outbox_put(event)
        meter.stack.dynamodb.put_item(TableName=meter.stack.table, Item=wrap_all({"pk": pk, "sk": sk, **attributes}))
        names.append(f"chicksx#{MERCHANT}/{sk}")
    meter.stack.worker(PUBLISH).invoke({"events": names[:1]})
    meter.measure(PUBLISH, lambda: meter.stack.worker(PUBLISH).invoke({"events": names[1:]}))
    for name in names:
        pk, sk = key_of(name)
        meter.stack.dynamodb.delete_item(TableName=meter.stack.table, Key=wrap_all({"pk": pk, "sk": sk}))


def rejected(meter: Meter) -> None:
    hooks, call = meter.clients["events"].meta.events, "after-call.events.PutEvents"

    def reject(parsed: dict[str, Any], **_: Any) -> None:
        parsed |= {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}

    hooks.register(call, reject)
    published(meter, events=1, ago=REDELIVER_AFTER)
    hooks.unregister(call, reject)


def delivered_before(meter: Meter) -> None:
    gone = {"events": [f"chicksx#{MERCHANT}/event#gone"]}
    meter.stack.worker(PUBLISH).invoke(gone)
    meter.measure(PUBLISH, lambda: meter.stack.worker(PUBLISH).invoke(gone))


def opted_in(meter: Meter) -> None:
    """Make a current token. The worker has checked the merchant's settings before."""
    api(meter.stack, CURRENT)
    put_settings(meter, {"maxAgeDays": 90})
    work(meter.stack, "settings#rotation")


def put_settings(meter: Meter, settings: Any) -> None:
    api(meter.stack, PUT_ROTATION_SETTINGS, body=settings, headers={"If-None-Match": None})


def young_token(meter: Meter) -> None:
    opted_in(meter)
    put_settings(meter, {"maxAgeDays": 60})
    meter.measure(MAINTAIN, lambda: work(meter.stack, "settings#rotation"))


def token_of_its_age(meter: Meter) -> None:
    opted_in(meter)
    meter.stack.clock.offset += 90 * DAY
    pending(meter)  # the worker has read the secret recently
    meter.measure(MAINTAIN, lambda: work(meter.stack, "settings#rotation"))


def token_record(meter: Meter) -> None:
    token_id = create(meter.stack)
    meter.measure(GET_RECORD, lambda: api(meter.stack, GET_RECORD, path={"tokenId": token_id}))


def settings_changed(meter: Meter) -> None:
    opted_in(meter)
    meter.measure(PUT_ROTATION_SETTINGS, lambda: put_settings(meter, {"maxAgeDays": 60}))


SCENARIOS: dict[str, Callable[[Meter], None]] = {
    "the current token, from the cache": from_memory,
    "the current token, from the table": from_the_table,
    "the current token, minted": current_minted,
    "the current token, from the table, after its merchant's access token has ended": from_the_table_after_the_hour,
    "the current token, minted with a pair": minted_with_a_pair,
    "a standing token, minted after a refresh": standing_with_a_renewal,
    "a standing token": standing,
    "a standing token again, by its key": standing_again,
    "a standing token whose response was lost": standing_lost,
    "a standing token, after a pending revocation freed the last quota slot": standing_at_the_limit,
    "a reconciliation, without apply": reconciled_dry,
    "a reconciliation that adopts a token": reconciled,
    "the list": listed,
    "revoking a standing token": standing_revoked,
    "revoking the current token": current_revoked,
    "a rotation": rotated,
    "a rotation that joins another": rotation_joined,
    "a session's token, new": session_new,
    "a session's token, existing": session_existing,
    "closing a session": session_closed,
    "Fourthwall's token, new": fourthwall_new,
    "Fourthwall's token, confirmed": fourthwall_confirmed,
    "a dispatcher run, no pending work": idle_run,
    "a dispatcher run, ten merchants": run_for_ten,
    "the worker: a revocation confirmed": revocation_confirmed,
    "the worker: a revocation rescheduled": revocation_rescheduled,
    "the worker: an overlap's end": overlap_ended,
    "the worker: a token adopted": adopted,
    "the worker: the daily reconciliation": reconciled_daily,
    "the worker: an intent left open": still_open,
    "the worker: no pending work any more": nothing_pending,
    "an event delivered": partial(published, events=1),
    "ten events delivered": partial(published, events=10),
    "an event that the bus rejects, due": rejected,
    "an event delivered before": delivered_before,
    "the worker: a token below its maximum age": young_token,
    "the worker: a token at its maximum age": token_of_its_age,
    "a token's record": token_record,
    "the rotation settings, changed": settings_changed,
}


def described() -> dict[str, list[list[str]]]:
    """Return the rows of the table: AWS's operations, and the provider's methods."""
    table = (ROOT / "docs/lifecycle.md").read_text().partition("## What an operation costs")[2]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    return {name.strip(): [_calls(cell) for cell in cells] for name, *cells in rows[1:]}


def _calls(cell: str) -> list[str]:
    found = re.findall(r"(?:(\d+) \u00d7 )?`(\w+)`", cell)
    assert found or cell.strip() == "none"
    return [name for times, name in found for _ in range(int(times or 1))]


def test_every_row_is_measured() -> None:
    assert list(described()) == list(SCENARIOS)


@pytest.mark.parametrize("operation", SCENARIOS)
def test_an_operation_makes_the_calls_of_the_table(meter: Meter, operation: str) -> None:
    SCENARIOS[operation](meter)

    aws, provider = described()[operation]
    if operation.startswith("a dispatcher run"):
        aws, meter.aws = sorted(aws), sorted(meter.aws)  # a run starts anywhere in the index
    assert (meter.aws, meter.provider) == (aws, provider)


def test_a_new_session_token_costs_one_provider_call_and_three_of_the_table() -> None:
    aws, provider = described()["a session's token, new"]

    assert (len(aws), len(provider)) == (3, 1)
    assert [name for name, _ in groupby(aws)] == aws


def test_a_cold_mint_with_a_pair_reads_two_more_secrets(stack: Stack, aws: Mapping[str, Any]) -> None:
    stack.app_merchant()
    stack.cold(LIST).api()
    stack.merchant("shopify", "permanent")
    calls = {}

    for merchant in (MERCHANT, "permanent"):
        with counted(*aws.values()) as calls[merchant]:
            stack.cold(CREATE).api(path={"merchant": merchant})

    more = Counter(calls[MERCHANT]) - Counter(calls["permanent"])
    assert more == Counter(GetSecretValue=2, GetItem=1)
