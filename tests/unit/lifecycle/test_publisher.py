"""Delivering events: each at least once, none held up by another, none ever dropped."""

from contextlib import suppress

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.killing import Killed, Killer
from tests.fakes.outbox import MemoryEventBus, MemoryOutbox
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.clock import Deadline
from token_broker.domain.delays import MAX_PAUSE
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.publisher import MIN_SECONDS_LEFT, Publisher, PublishSummary

ALWAYS = 1_000


class Bench:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.outbox = MemoryOutbox()
        self.bus = MemoryEventBus()
        self.telemetry = RecordingTelemetry()

    def fill(self, *names: str) -> None:
        for name in names:
            self.outbox.add(name)

    def publish(self, *names: str, seconds: float = 23, killer: Killer | None = None) -> PublishSummary:
        outbox, bus = (self.outbox, self.bus) if killer is None else (killer.watch(self.outbox), killer.watch(self.bus))
        deadline = Deadline.after(self.clock, seconds)
        return Publisher(outbox, bus, self.clock, self.telemetry, lambda: 0.5, deadline).publish(names)

    @property
    def waiting(self) -> list[str]:
        return list(self.outbox.there)

    def due_in(self, name: str) -> int:
        return self.outbox.there[name].due_at - int(self.clock.now())


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_the_bus_has_taken_is_deleted(bench: Bench) -> None:
    events = [bench.outbox.add(name) for name in ("a", "b")]

    done = bench.publish("a", "b")

    assert done.as_json() == {"published": 2, "gone": 0, "putOff": 0, "failed": []}
    assert (bench.bus.taken, bench.waiting) == (events, [])
    assert bench.telemetry.counts == [("EventsPublished", 2, "Count")]
    assert bench.telemetry.notices == []


def test_an_event_that_is_gone_has_been_delivered(bench: Bench) -> None:
    bench.outbox.add("b")

    assert bench.publish("a", "b", "c").as_json() == {"published": 1, "gone": 2, "putOff": 0, "failed": []}


def test_nothing_to_deliver_asks_nobody(bench: Bench) -> None:
    assert bench.publish() == PublishSummary(0, 0, 0, [])
    assert (bench.bus.calls, bench.telemetry.counts) == ([], [])


def test_events_go_in_batches_of_what_the_bus_takes(bench: Bench) -> None:
    names = [f"e-{number}" for number in range(23)]
    bench.fill(*names)
    bench.publish(*names)
    assert bench.bus.calls == [10, 10, 3]

    bench.bus.calls, bench.bus.most = [], 4
    bench.fill(*names[:10])
    assert bench.publish(*names[:10]).published == 10
    assert bench.bus.calls == [4, 4, 2]


def test_one_that_is_always_refused_holds_up_no_other_and_is_left_as_it_is(bench: Bench) -> None:
    names = [f"e-{number}" for number in range(25)]
    poison = bench.outbox.add(names[0], ago=7)
    bench.bus.refusals = {poison.event_id: ALWAYS}
    before = bench.outbox.there[names[0]]
    bench.fill(*names[1:])

    done = bench.publish(*names)

    assert (done.published, done.rescheduled, done.failed) == (24, 0, [names[0]])
    assert bench.bus.calls == [10, 10, 5], "each is sent once"
    assert bench.outbox.there == {names[0]: before}
    ((event, told),) = bench.telemetry.notices
    assert (event, told["item"], told["code"]) == ("event_not_delivered", names[0], "InternalFailure")
    assert bench.telemetry.total("OldestEventAge") >= 7
    assert bench.telemetry.total("EventsUndelivered") == 1


def test_one_that_nobody_can_read_holds_up_no_other(bench: Bench) -> None:
    bench.fill("a", "b")
    bench.outbox.corrupt("a")

    done = bench.publish("a", "b")

    assert (done.published, done.failed, bench.waiting) == (1, ["a"], ["a"])
    assert bench.telemetry.notices[0][1]["code"] == "unreadable"


def test_what_is_due_and_refused_is_put_off_longer_each_time_and_never_dropped(bench: Bench) -> None:
    event = bench.outbox.add("a", ago=300)
    bench.bus.refusals = {event.event_id: ALWAYS}
    pauses = []

    for _ in range(9):
        done = bench.publish("a")
        assert (done.rescheduled, done.failed) == (1, [])
        pauses.append(bench.due_in("a"))
        bench.clock.advance(pauses[-1])

    assert pauses == [45, 90, 180, 360, 720, 1440, 2700, 2700, 2700]
    ages = [value for name, value, _ in bench.telemetry.counts if name == "OldestEventAge"]
    assert ages == sorted(ages)
    assert ages[-1] > sum(pauses[:-1])

    bench.bus.refusals = {}
    assert bench.publish("a").published == 1
    assert bench.bus.taken == [event]


def test_what_is_due_and_cannot_be_read_comes_back_each_hour_and_the_oldest_tells_its_age(bench: Bench) -> None:
    for name, ago in (("a", 310), ("b", 370), ("c", 330)):
        bench.outbox.add(name, ago=ago)
        bench.outbox.corrupt(name)

    assert bench.publish("a", "b", "c").rescheduled == 3
    assert [bench.due_in(name) for name in ("a", "b", "c")] == [MAX_PAUSE] * 3
    assert ("OldestEventAge", 370, "Seconds") in bench.telemetry.counts


def test_a_bus_that_does_not_answer_leaves_all_as_it_was_and_says_so(bench: Bench) -> None:
    bench.fill("a", "b")
    bench.bus.down = True

    done = bench.publish("a", "b")

    assert (done.failed, bench.waiting) == (["a", "b"], ["a", "b"])
    assert bench.bus.calls == [2], "the adapter has asked several times"
    assert bench.telemetry.notices[-1][1]["code"] == "storage_unavailable"
    assert "bus_unavailable" in bench.telemetry.events
    assert bench.telemetry.total("StorageForbidden") == 1
    bench.bus.down = False
    assert bench.publish("a", "b").published == 2


def test_what_there_is_no_time_for_is_left(bench: Bench) -> None:
    names = [f"e-{number}" for number in range(25)]
    bench.fill(*names)
    bench.outbox.reading = lambda: bench.clock.advance(1)

    done = bench.publish(*names, seconds=MIN_SECONDS_LEFT + 10)

    assert (done.published, done.failed) == (20, names[20:])


@pytest.mark.parametrize("operation", ["reading", "deleting"])
def test_an_outbox_that_fails_shows_and_loses_nothing(bench: Bench, operation: str) -> None:
    def fail() -> None:
        raise StorageUnavailable("Down.")

    bench.outbox.add("a")
    setattr(bench.outbox, operation, fail)

    with pytest.raises(StorageUnavailable):
        bench.publish("a")

    assert bench.waiting == ["a"]


def three_one_refused_at_first() -> tuple[Bench, set[str]]:
    bench = Bench()
    events = [bench.outbox.add(name, ago=400) for name in ("a", "b", "c")]
    bench.bus.refusals = {events[1].event_id: 1}
    return bench, {event.event_id for event in events}


def test_whoever_dies_anywhere_loses_no_event() -> None:
    killer = Killer(None)
    three_one_refused_at_first()[0].publish("a", "b", "c", killer=killer)
    calls = killer.calls
    assert {"read", "room", "put", "delete", "reschedule"} <= set(calls), "it dies after every kind of step"

    twice = 0
    for after in range(1, len(calls) + 1):
        bench, ids = three_one_refused_at_first()
        with suppress(Killed):
            bench.publish("a", "b", "c", killer=Killer(after))
        delivered_or_there = {event.event_id for event in bench.bus.taken} | {
            entry.event.event_id for entry in bench.outbox.there.values() if entry.event is not None
        }
        assert delivered_or_there == ids, f"killed after {calls[after - 1]}"

        for _ in range(2):  # the first may be refused one
            bench.publish("a", "b", "c")

        assert bench.waiting == []
        assert {event.event_id for event in bench.bus.taken} == ids
        twice += len(bench.bus.taken) - len(ids)
    assert twice, "killed between the bus and the outbox, an event comes again"


def test_two_publishers_at_once_deliver_at_least_once(bench: Bench) -> None:
    """The stream and the clock: the second takes the event while the first deletes it."""
    event = bench.outbox.add("a")
    other = Bench()
    other.outbox, other.bus = bench.outbox, bench.bus

    def meanwhile() -> None:
        bench.outbox.deleting = lambda: None
        other.publish("a")

    bench.outbox.deleting = meanwhile

    bench.publish("a")

    assert (bench.bus.taken, bench.waiting) == ([event, event], [])
