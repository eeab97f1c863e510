"""The dispatcher sends pending work, one message for each merchant. A run that fails or is cut off loses nothing."""

from functools import partial
from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.due import MemoryDueIndex, MemoryWorkQueues, due
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.aws.session import CONFIG
from token_broker.clock import Deadline
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.dispatcher import (
    EVENTS_PER_MESSAGE,
    ITEMS_PER_MESSAGE,
    MAX_CALL_SECONDS,
    MIN_SECONDS_LEFT,
    Dispatcher,
    DispatchSummary,
)
from token_broker.ports.work import OUTBOX


class Bench:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.index = MemoryDueIndex()
        self.queues = MemoryWorkQueues()
        self.telemetry = RecordingTelemetry()
        self.first = 0.0

    def run(self, seconds: float = 48) -> DispatchSummary:
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


def test_a_merchants_items_of_one_page_go_into_one_message_oldest_first() -> None:
    bench = Bench()
    bench.index.parts[2] = [
        [due("acme", "token#1", ago=50), due("beta", ago=40), due("acme", "intent#a", ago=30)],
        [due("acme", "token#2", ago=20)],
    ]

    assert (bench.run().items, bench.index.pages_read) == (4, 5)
    assert bench.sent == [("acme", ["token#1", "intent#a"]), ("beta", ["subject#shop"]), ("acme", ["token#2"])]
    assert ("OldestDueLag", 50, "Seconds") in bench.telemetry.counts


def test_a_page_is_sent_before_the_next_is_read() -> None:
    """So that memory holds one, however much is due."""
    bench = Bench()
    bench.index.parts[0] = [[due(f"m-{page}-{number}") for number in range(10)] for page in range(3)]
    read: list[int] = []
    bench.index.read = lambda: read.append(len(bench.queues.sent))

    bench.run()

    assert read[:3] == [0, 10, 20]


@pytest.mark.parametrize(("outbox", "most"), [(False, ITEMS_PER_MESSAGE), (True, EVENTS_PER_MESSAGE)])
def test_a_message_is_bounded_and_takes_the_oldest(*, outbox: bool, most: int) -> None:
    bench = Bench()
    bench.queues = MemoryWorkQueues("shopify", OUTBOX)
    bench.index.parts[0] = [[due("acme", f"i#{number}", ago=500 - number, outbox=outbox) for number in range(most + 9)]]

    bench.run()

    assert bench.sent == [("acme", [f"i#{number}" for number in range(most)])]


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
    assert bench.telemetry.notices == [("no_queue_for_provider", {"provider_of_items": "fourthwall", "merchants": 1})]


# Cut off


def merchants(bench: Bench, *, pages: int, each: int) -> list[str]:
    """So many pages in every part, of so many merchants; their names in the order of the index."""
    names = []
    for shard in range(4):
        bench.index.parts[shard] = [
            [due(f"m-{shard}-{page}-{number}", ago=1000 - page) for number in range(each)] for page in range(pages)
        ]
        names += [item.merchant for page in bench.index.parts[shard] for item in page]
    return names


def test_a_run_starts_at_a_random_part_and_reads_each_once() -> None:
    bench = Bench()
    names = merchants(bench, pages=1, each=1)
    bench.first = 0.6

    assert bench.run().complete

    assert bench.index.asked == [2, 3, 0, 1]
    assert [merchant for merchant, _ in bench.sent] == [*names[2:], *names[:2]]


@pytest.mark.parametrize("first", [0.0, 0.25, 0.999999])
def test_every_part_can_be_the_first(first: float) -> None:
    bench = Bench()
    bench.first = first

    bench.run()

    assert (bench.index.asked[0], sorted(bench.index.asked)) == (int(first * 4), [0, 1, 2, 3])


def test_a_run_that_is_cut_off_in_the_middle_of_a_page_has_sent_the_oldest_and_says_so() -> None:
    bench = Bench()
    names = merchants(bench, pages=2, each=20)
    bench.queues.took = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 5)

    assert ([merchant for merchant, _ in bench.sent], done.complete) == (names[:50], False)
    assert bench.telemetry.notices == [("dispatch_cut_off", {"shard": 1, "messages": 50})]
    assert bench.telemetry.total("DispatcherRunsCutOff") == 1


def test_no_page_is_read_without_time() -> None:
    """Also where nothing is sent in between."""
    bench = Bench()
    bench.index.parts[0] = [[], [], []]
    bench.index.read = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 2)

    assert (done.complete, bench.index.pages_read) == (False, 2)


def test_runs_that_are_cut_off_reach_every_merchant_while_the_workers_do_their_work() -> None:
    """Even if every run starts at the same part: what was sent is not due any more, and what is younger moves up."""
    bench = Bench()
    names = merchants(bench, pages=2, each=30)
    bench.queues.took = partial(bench.clock.advance, 1)

    while not bench.run(MIN_SECONDS_LEFT + 5).complete:
        done = {merchant for merchant, _ in bench.sent}
        for shard, pages in bench.index.parts.items():
            bench.index.parts[shard] = [[item for item in page if item.merchant not in done] for page in pages]

    assert sorted(merchant for merchant, _ in bench.sent) == sorted(names), "each once"


def test_nothing_is_begun_that_could_outlive_the_run() -> None:
    """The SDK's tries with their pauses (up to 1 s and 2 s), and the end of the run after them."""
    options: Any = CONFIG
    tries = options.retries["total_max_attempts"]
    pauses = sum(2**number for number in range(tries - 1))

    assert tries * (options.connect_timeout + options.read_timeout) + pauses <= MAX_CALL_SECONDS
    assert MAX_CALL_SECONDS + 1 < MIN_SECONDS_LEFT
    bench = Bench()
    merchants(bench, pages=1, each=1)
    assert (bench.run(MIN_SECONDS_LEFT).complete, bench.index.pages_read, bench.queues.calls) == (False, 0, [])


@pytest.mark.parametrize("pages", [1, 10])
def test_calls_grow_with_what_is_due(pages: int) -> None:
    """One query a page, one send for ten messages."""
    bench = Bench()
    merchants(bench, pages=pages, each=100)

    bench.run()

    assert (bench.index.pages_read, len(bench.queues.calls)) == (4 * pages, 4 * pages * 10)


# Failures


def test_a_part_that_cannot_be_read_holds_up_no_other_and_shows() -> None:
    bench = Bench()
    for shard in range(4):
        bench.index.parts[shard] = [[due(f"m-{shard}")]]
    bench.index.unreadable = {1}

    with pytest.raises(StorageUnavailable, match="could not be read"):
        bench.run()

    assert {merchant for merchant, _ in bench.sent} == {"m-0", "m-2", "m-3"}
    assert bench.telemetry.total("DispatcherRuns") == 1
    assert "dispatch_shard_read_failed" in bench.telemetry.events


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
