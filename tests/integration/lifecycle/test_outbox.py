"""Events as items of the table, and on the bus: what is written comes out whole, and is gone once it is delivered."""

import json
from typing import Any

import pytest

from tests.fakes.clock import NOW
from tests.fakes.samples import every_event
from tests.integration.support.outages import ARN, aws_error, timed_out
from tests.integration.support.store_harness import StoreBench
from token_broker.aws.event_bus import BYTES, ENTRIES, EventBridgeBus
from token_broker.aws.store.attributes import wrap_all
from token_broker.aws.store.outbox import DynamoOutbox
from token_broker.aws.store.outbox_items import REDELIVER_AFTER, event_of, key_of, name_of, outbox_put
from token_broker.aws.store.records import due_shard
from token_broker.aws.store.table import Table, put
from token_broker.domain import events
from token_broker.domain.events import Event
from token_broker.errors import StorageUnavailable

NOW_S = int(NOW)
BUS = "token-broker"
VALUE = "a-value-that-nobody-may-see"
EVENTS = every_event(value=VALUE)


def name(event: Event) -> str:
    return name_of(event.provider, event.merchant, f"event#{event.event_id}")


@pytest.fixture
def table(bench: StoreBench) -> Table:
    return Table(lambda: bench.dynamodb, bench.table_name)


@pytest.fixture
def outbox(table: Table) -> DynamoOutbox:
    return DynamoOutbox(table)


def write(bench: StoreBench, event: Event, **changes: Any) -> None:
    """Write the event as its producer does, with changes."""
    key, attributes = outbox_put(event)
    item = wrap_all({"pk": key[0], "sk": key[1], **attributes, **changes})
    bench.dynamodb.put_item(TableName=bench.table_name, Item=item)


# The item


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_comes_out_as_it_was_written_in_a_transaction(
    table: Table, outbox: DynamoOutbox, event: Event
) -> None:
    table.transact(put(*outbox_put(event), "attribute_not_exists(pk)"))

    found = outbox.read(name(event))

    assert found is not None
    assert (found.event, found.since, found.tries) == (event, NOW_S, 0)
    assert found.due_at == NOW_S + REDELIVER_AFTER


def test_an_item_says_no_more_than_the_agreed_members_and_no_value(bench: StoreBench) -> None:
    write(bench, EVENTS[0])

    (item,) = bench.outbox()

    assert item == {
        "pk": "outbox#sample#acme",
        "sk": f"event#{EVENTS[0].event_id}",
        "eventId": EVENTS[0].event_id,
        "type": "TokenIssued",
        "provider": "sample",
        "merchant": "acme",
        "detail": {name: value for name, value in EVENTS[0].detail.items() if value is not None},
        "occurredAt": NOW_S,
        "due": due_shard("outbox#sample#acme"),
        "dueAt": NOW_S + REDELIVER_AFTER,
    }, "no expiresAt above all: what is undelivered is never dropped"
    assert VALUE not in repr(item)


def test_members_that_no_schema_knows_leave_the_table_never(bench: StoreBench, outbox: DynamoOutbox) -> None:
    write(bench, EVENTS[2], detail={**EVENTS[2].detail, "accessToken": VALUE}, accessToken=VALUE)

    found = outbox.read(name(EVENTS[2]))

    assert found is not None
    assert found.event == EVENTS[2]


@pytest.mark.parametrize(
    "malformed",
    [
        *({"type": kind} for kind in ("TokenEaten", 1, None)),
        *({"detail": detail} for detail in (None, "text", {"sessionId": ["s-1"]}, {"sessionId": 1.5})),
        *({"occurredAt": at} for at in (None, "yesterday")),
        {"merchant": None},
        {"eventId": 7},
    ],
)
def test_an_item_that_makes_no_sense_is_there_and_no_event(
    bench: StoreBench, outbox: DynamoOutbox, malformed: dict[str, Any]
) -> None:
    write(bench, EVENTS[2], **malformed)

    found = outbox.read(name(EVENTS[2]))

    assert found is not None
    assert found.event is None
    assert found.since == (0 if "occurredAt" in malformed else NOW_S)


@pytest.mark.parametrize("odd", [b"bytes", {"a"}, {}])
def test_bytes_and_sets_are_no_event_either(odd: Any) -> None:
    _, attributes = outbox_put(EVENTS[2])

    assert event_of({**attributes, "detail": {**EVENTS[2].detail, "orderId": odd}}) is None
    assert event_of({}) is None


def test_a_name_never_leads_out_of_the_outbox() -> None:
    for odd in ("shopify#acme/token#1", "/x", "x", "../shopify#acme/subject#shop"):
        assert key_of(odd)[0].startswith("outbox#")
    assert key_of(name_of("shopify", "acme", "event#a/b")) == ("outbox#shopify#acme", "event#a/b")


def test_a_delivered_event_is_deleted_and_neither_its_neighbours_nor_another_under_its_key(
    bench: StoreBench, outbox: DynamoOutbox
) -> None:
    for event in EVENTS[2:5]:
        write(bench, event)
    seen = [entry for entry in map(outbox.read, map(name, EVENTS[2:4])) if entry is not None]
    write(bench, EVENTS[2], eventId="another")

    for entry in (*seen, seen[1]):  # by somebody else, too
        outbox.delete(entry)
    outbox.reschedule(seen[1], NOW_S + 1000)  # which makes nothing

    assert {item["eventId"] for item in bench.outbox()} == {"another", EVENTS[4].event_id}
    assert outbox.read(name(EVENTS[3])) is None


def test_a_rescheduled_event_is_due_later_and_counts_its_tries(bench: StoreBench, outbox: DynamoOutbox) -> None:
    write(bench, EVENTS[2])
    seen = []
    for tries in (0, 1):
        entry = outbox.read(name(EVENTS[2]))
        assert entry is not None
        seen.append(entry)
        outbox.reschedule(entry, NOW_S + 1000 * (tries + 1))

    outbox.reschedule(seen[-1], NOW_S + 9000)  # by another, who has seen it as it was before
    assert [entry.tries for entry in seen] == [0, 1]

    (item,) = bench.outbox()
    assert (item["dueAt"], item["tries"]) == (NOW_S + 2000, 2)
    assert len(bench.due(events=True)) == 1


# The bus


class ScriptedEvents:
    """The client: what PutEvents answers, and what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[list[dict[str, Any]]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - as AWS names it
        self.asked.append(Entries)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(Entries) if callable(answer) else answer


def scripted(*answers: Any) -> tuple[ScriptedEvents, EventBridgeBus]:
    client = ScriptedEvents(*answers)
    return client, EventBridgeBus(lambda: client, BUS)


def test_each_entrys_own_outcome_counts() -> None:
    entries = [{"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": ARN}, {"EventId": "3"}, {}]
    client, port = scripted({"FailedEntryCount": 2, "Entries": entries})

    assert port.put(EVENTS[:4]) == [None, "InternalFailure", None, "Unknown"]
    assert [{**each, "Detail": json.loads(each["Detail"])} for each in client.asked[0]] == [
        {
            "Time": NOW_S,
            "Source": "token-broker",
            "DetailType": event.type,
            "Detail": event.as_json(),
            "EventBusName": BUS,
        }
        for event in EVENTS[:4]
    ]


def test_an_answer_about_other_entries_than_were_sent_delivers_nothing() -> None:
    _, port = scripted({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})

    assert port.put(EVENTS[:2]) == ["Unknown", "Unknown"]


def test_one_entry_that_has_the_whole_call_refused_is_found_and_the_others_are_taken() -> None:
    poison = EVENTS[1].event_id

    def judge(entries: list[dict[str, Any]]) -> Any:
        if any(poison in each["Detail"] for each in entries):
            raise aws_error("ValidationException")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "x"} for _ in entries]}

    client, port = scripted(*[judge] * 9)

    assert port.put(EVENTS[:5]) == [None, "ValidationException", None, None, None]
    assert len(client.asked) <= 7


@pytest.mark.parametrize("error", [aws_error("ThrottlingException"), aws_error("AccessDeniedException"), timed_out()])
def test_a_bus_that_does_not_answer_is_unavailable_and_no_resource_is_named(error: Exception) -> None:
    client, port = scripted(error)

    with pytest.raises(StorageUnavailable) as failure:
        port.put(EVENTS)

    assert len(client.asked) == 1, "the SDK has tried again by itself"
    assert ARN not in f"{failure.value} {failure.value.causes}"
    assert failure.value.__cause__ is None


def test_one_call_takes_ten_events_and_256_kilobytes() -> None:
    _, port = scripted()
    small, large = EVENTS[2], events.session_closed("x", "acme", "s" * 100_000, order_id=None, closed_at=NOW_S)
    huge = events.session_closed("x", "acme", "ü" * BYTES, order_id=None, closed_at=NOW_S)

    assert port.room([small] * 25) == ENTRIES == 10
    assert port.room([small] * 3) == 3
    assert port.room([large] * 5) == 2
    assert port.room([small, huge, small]) == 1
    assert port.room([huge, small]) == 1, "alone, so that it holds up no other"
    wide = events.session_closed("x", "acme", "ü" * 70_000, order_id=None, closed_at=NOW_S)
    assert port.room([wide] * 2) == 1, "bytes are counted, not characters"
