"""The table's stream: new items of the outbox are published, others ignored, and failures reported by number."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.events import Context, queue_event, stream_record
from tests.fakes.outbox import MemoryEventBus, MemoryOutbox
from tests.fakes.telemetry import RecordingTelemetry
from tests.unit.loading import Handler, load
from token_broker.clock import Deadline
from token_broker.entrypoints.handler import Request
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.publisher import Publisher


def name(number: int) -> str:
    return f"shopify#acme/event#{number}"


class Deployed:
    """The function over an outbox and a bus in memory."""

    handler: Handler

    def __init__(self) -> None:
        self.outbox, self.bus, self.clock = MemoryOutbox(), MemoryEventBus(), MovableClock()

    def publisher(self, _request: Request) -> Publisher:
        until = Deadline.after(self.clock, 20)
        return Publisher(self.outbox, self.bus, self.clock, RecordingTelemetry(), lambda: 0.5, until)

    def stream(self, *records: Any) -> list[str]:
        """Return the sequence numbers that the function reports."""
        answer = self.handler({"Records": list(records)}, Context())
        assert set(answer) == {"batchItemFailures"}
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.fixture
def deployed(put_in: Callable[..., None]) -> Deployed:
    made = Deployed()
    put_in("publisher", made.publisher)
    made.handler = load("lifecycle/publish_events")
    return made


def test_new_items_of_the_outbox_are_delivered(deployed: Deployed) -> None:
    events = [deployed.outbox.add(name(number)) for number in (1, 2)]

    assert deployed.stream(stream_record(1), stream_record(2)) == []
    assert (deployed.bus.taken, deployed.outbox.there) == (events, {})


@pytest.mark.parametrize(
    "other",
    [
        stream_record(2, pk="shopify#acme", sk="token#1"),
        stream_record(2, pk="chicksx#acme#session:outbox#", sk="subject"),
        stream_record(2, pk="outbox", sk="id"),
        stream_record(2, kind="MODIFY"),
        stream_record(2, kind="REMOVE"),
        stream_record(2, pk="outbox#", sk="/"),
        stream_record(2, pk="outbox#x", sk="\n"),
        {**stream_record(2), "dynamodb": {"Keys": {}}},
        {**stream_record(2), "dynamodb": {"Keys": {"pk": {"N": "1"}}}},
    ],
)
def test_other_changes_are_passed_over_though_no_filter_kept_them_out(deployed: Deployed, other: Any) -> None:
    deployed.outbox.add(name(1))
    deployed.outbox.add(name(2))

    assert deployed.stream(stream_record(1), other) == []
    assert (len(deployed.bus.taken), list(deployed.outbox.there)) == (1, [name(2)])


def test_a_batch_of_others_alone_asks_nobody(deployed: Deployed) -> None:
    deployed.outbox.reading = lambda: pytest.fail("nothing was to be read")

    assert deployed.stream(stream_record(1, pk="shopify#acme")) == []


def test_what_was_not_delivered_is_reported_by_its_number_alone(deployed: Deployed) -> None:
    for number in (1, 2, 3):
        deployed.outbox.add(name(number))
    deployed.outbox.corrupt(name(2))

    assert deployed.stream(stream_record(1), stream_record(2), stream_record(3)) == ["2"]
    assert list(deployed.outbox.there) == [name(2)]


@pytest.mark.parametrize("failure", [StorageUnavailable("Down."), KeyError("nothing")])
def test_where_the_outbox_cannot_be_read_all_of_ours_is_reported(deployed: Deployed, failure: Exception) -> None:
    def fail() -> None:
        raise failure

    deployed.outbox.reading = fail

    assert deployed.stream(stream_record(1), stream_record(2, pk="shopify#acme"), stream_record(3)) == ["1", "3"]


def test_the_clocks_message_is_delivered_through_the_same_function(deployed: Deployed) -> None:
    deployed.outbox.add(name(1), ago=400)
    message = queue_event({"events": [name(1), name(2)]})

    assert deployed.handler(message, Context()) == {"batchItemFailures": []}
    assert (len(deployed.bus.taken), deployed.outbox.there) == (1, {})
