"""The clock's run: what is due goes out, one message a merchant, and a run that fails or is cut off loses nothing."""

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.due import MemoryDueIndex, MemoryWorkQueues, due
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.clock import Deadline
from token_broker.dispatching import ITEMS_A_MESSAGE, Dispatched, Dispatcher
from token_broker.due import OUTBOX
from token_broker.errors import StorageUnavailable


class Bench:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.index = MemoryDueIndex()
        self.queues = MemoryWorkQueues()
        self.telemetry = RecordingTelemetry()
        self.first = 0.0

    def run(self, seconds: float = 48) -> Dispatched:
        deadline = Deadline.after(self.clock, seconds)
        return Dispatcher(self.index, self.queues, self.clock, self.telemetry, lambda: self.first, deadline).run()

    @property
    def sent(self) -> list[tuple[str, list[str]]]:
        return [(work.merchant, [item.item for item in work.items]) for work in self.queues.sent]


def test_where_nothing_is_due_every_part_is_looked_at_once_and_nothing_sent() -> None:
    bench = Bench()

    done = bench.run()

    assert (sorted(bench.index.asked), bench.index.pages_read, bench.queues.calls) == ([0, 1, 2, 3], 4, [])
    assert done.as_json() == {"items": 0, "messages": 0, "refused": 0, "complete": True}
    assert bench.telemetry.total("DispatcherRuns") == 1


def test_a_merchants_items_go_into_one_message_oldest_first_also_over_pages() -> None:
    bench = Bench()
    bench.index.parts[2] = [
        [due("acme", "token#1", ago=50), due("beta", ago=40)],
        [due("acme", "intent#a", ago=30)],
    ]

    assert (bench.run().items, bench.index.pages_read) == (3, 5)
    assert bench.sent == [("acme", ["token#1", "intent#a"]), ("beta", ["subject#shop"])]
    assert bench.telemetry.counts[-1] == ("OldestDueLag", 50, "Seconds")


def test_a_message_is_bounded_and_takes_the_oldest() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due("acme", f"token#{number}", ago=500 - number) for number in range(60)]]

    bench.run()

    assert bench.sent == [("acme", [f"token#{number}" for number in range(ITEMS_A_MESSAGE)])]


def test_messages_go_in_batches_of_ten() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due(f"m-{number}") for number in range(23)]]

    assert bench.run().messages == 23
    assert bench.queues.calls == [10, 10, 3]


def test_what_is_not_due_yet_is_left() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due("acme", ago=-1)]]

    bench.run()

    assert bench.sent == []


def test_a_part_of_a_batch_that_is_refused_comes_again_with_the_next_run() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due("acme"), due("beta")]]
    bench.queues.refused = {"acme"}

    done = bench.run()
    bench.queues.refused = set()
    bench.run()

    assert (done.messages, done.refused) == (1, 1)
    assert bench.telemetry.total("DispatchesRefused") == 1
    assert [merchant for merchant, _ in bench.sent] == ["beta", "acme", "beta"]


def test_a_batch_that_fails_does_not_hold_up_the_others() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due(f"m-{number}") for number in range(12)]]
    bench.queues.failures = [StorageUnavailable("Down.")]

    done = bench.run()

    assert (done.messages, done.refused, bench.telemetry.events) == (2, 10, ["dispatch_failed"])


def test_a_run_of_which_nothing_was_taken_is_a_failed_one() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due()]]
    bench.queues.failures = [StorageUnavailable("Down.")]

    with pytest.raises(StorageUnavailable, match="No queue"):
        bench.run()


def test_items_that_nobody_works_on_are_told_of_and_hold_up_nobody() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due("acme", provider="fourthwall"), due("acme")]]

    bench.run()

    assert bench.sent == [("acme", ["subject#shop"])]
    assert bench.telemetry.notices == [("due_without_worker", {"provider_of_items": "fourthwall", "merchants": 1})]


def test_a_run_that_is_cut_off_has_sent_what_it_saw_and_the_next_begins_elsewhere() -> None:
    bench = Bench()
    for shard in range(4):
        bench.index.parts[shard] = [[due(f"m-{shard}")]]
    bench.queues.took = lambda: bench.clock.advance(8)

    done = bench.run(seconds=30)
    first = [merchant for merchant, _ in bench.sent]
    bench.queues.sent.clear()
    bench.first = 0.9
    bench.run(seconds=30)

    assert not done.complete
    assert "dispatch_cut_off" in bench.telemetry.events
    assert len(first) == 3
    assert set(first) | {merchant for merchant, _ in bench.sent} == {f"m-{shard}" for shard in range(4)}


def test_a_part_that_has_no_end_is_sent_as_far_as_it_was_seen() -> None:
    bench = Bench()
    for shard in range(4):
        bench.index.parts[shard] = [[due(f"m-{number}")] for number in range(100)]
    bench.index.read = lambda: bench.clock.advance(1)

    done = bench.run(seconds=20)

    assert (done.complete, done.messages) == (False, 12)


def test_a_part_that_cannot_be_read_holds_up_no_other_and_shows() -> None:
    bench = Bench()
    for shard in range(4):
        bench.index.parts[shard] = [[due(f"m-{shard}")]]
    bench.index.unreadable = {1}

    with pytest.raises(StorageUnavailable, match="could not be read"):
        bench.run()

    assert {merchant for merchant, _ in bench.sent} == {"m-0", "m-2", "m-3"}
    assert bench.telemetry.total("DispatcherRuns") == 1
    assert "dispatch_part_unread" in bench.telemetry.events


def test_an_undelivered_event_goes_to_the_publisher_and_not_to_its_providers_worker() -> None:
    bench = Bench()
    bench.queues = MemoryWorkQueues("shopify", OUTBOX)
    bench.index.parts[0] = [[due("acme"), due("acme", "event#a", outbox=True), due("acme", "event#b", outbox=True)]]

    assert bench.run().messages == 2

    assert {(work.worker, *(item.item for item in work.items)) for work in bench.queues.sent} == {
        ("shopify", "subject#shop"),
        (OUTBOX, "event#a", "event#b"),
    }


def test_events_of_one_merchant_at_two_providers_are_two_messages() -> None:
    bench = Bench()
    bench.queues = MemoryWorkQueues(OUTBOX)
    bench.index.parts[0] = [
        [due("acme", "event#a", outbox=True), due("acme", "event#b", provider="chicksx", outbox=True)]
    ]

    bench.run()

    assert {(work.provider, *(item.item for item in work.items)) for work in bench.queues.sent} == {
        ("shopify", "event#a"),
        ("chicksx", "event#b"),
    }
