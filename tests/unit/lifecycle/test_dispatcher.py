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

    def fill(self, *, pages: int, each: int) -> list[str]:
        """So many pages in every part, of so many merchants. Return their names in the order of the index."""
        for shard in range(4):
            self.index.parts[shard] = [
                [due(f"m-{shard}-{page}-{number}", ago=1000 - page) for number in range(each)] for page in range(pages)
            ]
        return [item.merchant for part in self.index.parts.values() for page in part for item in page]

    @property
    def merchants(self) -> list[str]:
        """Return the merchants of the sent messages."""
        return [work.merchant for work in self.queues.sent]

    @property
    def sent(self) -> list[tuple[str, list[str]]]:
        return [(work.merchant, [item.item for item in work.items]) for work in self.queues.sent]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_where_nothing_is_due_every_part_is_looked_at_once_and_nothing_sent(bench: Bench) -> None:
    done = bench.run()

    assert (sorted(bench.index.asked), bench.index.pages_read, bench.queues.calls) == ([0, 1, 2, 3], 4, [])
    assert done.as_json() == {"items": 0, "messages": 0, "refused": 0, "complete": True}
    assert bench.telemetry.total("DispatcherRuns") == 1


def test_a_merchants_items_of_one_page_go_into_one_message_oldest_first(bench: Bench) -> None:
    bench.index.parts[2] = [
        [due("acme", "token#1", ago=50), due("beta", ago=40), due("acme", "intent#a", ago=30)],
        [due("acme", "token#2", ago=20)],
    ]

    assert (bench.run().items, bench.index.pages_read) == (4, 5)
    assert bench.sent == [("acme", ["token#1", "intent#a"]), ("beta", ["subject#shop"]), ("acme", ["token#2"])]
    assert ("OldestDueLag", 50, "Seconds") in bench.telemetry.counts


def test_a_page_is_sent_before_the_next_is_read(bench: Bench) -> None:
    """So that memory holds one, however much is due."""
    bench.index.parts[0] = [[due(f"m-{page}-{number}") for number in range(10)] for page in range(3)]
    read: list[int] = []
    bench.index.read = lambda: read.append(len(bench.queues.sent))

    bench.run()

    assert read[:3] == [0, 10, 20]


@pytest.mark.parametrize(("outbox", "most"), [(False, ITEMS_PER_MESSAGE), (True, EVENTS_PER_MESSAGE)])
def test_a_message_is_bounded_and_takes_the_oldest(bench: Bench, *, outbox: bool, most: int) -> None:
    bench.queues = MemoryWorkQueues("shopify", OUTBOX)
    bench.index.parts[0] = [[due("acme", f"i#{number}", ago=500 - number, outbox=outbox) for number in range(most + 9)]]

    bench.run()

    assert bench.sent == [("acme", [f"i#{number}" for number in range(most)])]


def test_what_is_not_due_yet_is_left(bench: Bench) -> None:
    bench.index.parts[0] = [[due("acme", ago=-1)]]

    bench.run()

    assert bench.sent == []


def test_a_part_of_a_batch_that_is_refused_comes_again_with_the_next_run(bench: Bench) -> None:
    bench.index.parts[0] = [[due("acme"), due("beta")]]
    bench.queues.refused = {"acme"}

    done = bench.run()
    bench.queues.refused = set()
    bench.run()

    assert (done.messages, done.refused) == (1, 1)
    assert bench.telemetry.total("DispatchesRefused") == 1
    assert bench.merchants == ["beta", "acme", "beta"]


def test_a_batch_that_fails_does_not_hold_up_the_others(bench: Bench) -> None:
    bench.index.parts[0] = [[due(f"m-{number}") for number in range(12)]]
    bench.queues.failures = [StorageUnavailable("Down.")]

    done = bench.run()

    assert (done.messages, done.refused, bench.telemetry.events) == (2, 10, ["dispatch_failed"])


def test_a_run_of_which_nothing_was_taken_is_a_failed_one(bench: Bench) -> None:
    bench.index.parts[0] = [[due()]]
    bench.queues.failures = [StorageUnavailable("Down.")]

    with pytest.raises(StorageUnavailable, match="No queue"):
        bench.run()


def test_items_that_nobody_works_on_are_told_of_and_hold_up_nobody(bench: Bench) -> None:
    bench.index.parts[0] = [[due("acme", provider="fourthwall"), due("acme")]]

    bench.run()

    assert bench.sent == [("acme", ["subject#shop"])]
    assert bench.telemetry.notices == [("no_queue_for_provider", {"provider_of_items": "fourthwall", "merchants": 1})]


# Cut off


@pytest.mark.parametrize(("first", "parts"), [(0.0, [0, 1, 2, 3]), (0.6, [2, 3, 0, 1]), (0.999999, [3, 0, 1, 2])])
def test_a_run_starts_at_a_random_part_and_reads_each_once(bench: Bench, first: float, parts: list[int]) -> None:
    names = bench.fill(pages=1, each=1)
    bench.first = first

    assert bench.run().complete

    assert bench.index.asked == parts
    assert bench.merchants == [names[part] for part in parts]


def test_a_run_that_is_cut_off_in_the_middle_of_a_page_has_sent_the_oldest_and_says_so(bench: Bench) -> None:
    names = bench.fill(pages=2, each=20)
    bench.queues.took = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 5)

    assert (bench.merchants, done.complete) == (names[:50], False)
    assert bench.telemetry.notices == [("dispatch_cut_off", {"shard": 1, "messages": 50})]
    assert bench.telemetry.total("DispatcherRunsCutOff") == 1


def test_no_page_is_read_without_time(bench: Bench) -> None:
    """Also where nothing is sent in between."""
    bench.index.parts[0] = [[], [], []]
    bench.index.read = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 2)

    assert (done.complete, bench.index.pages_read) == (False, 2)


def test_runs_that_are_cut_off_reach_every_merchant_while_the_workers_do_their_work(bench: Bench) -> None:
    """Even if every run starts at the same part: what was sent is not due any more, and what is younger moves up."""
    names = bench.fill(pages=2, each=30)
    bench.queues.took = partial(bench.clock.advance, 1)

    while not bench.run(MIN_SECONDS_LEFT + 5).complete:
        done = set(bench.merchants)
        for shard, pages in bench.index.parts.items():
            bench.index.parts[shard] = [[item for item in page if item.merchant not in done] for page in pages]

    assert sorted(bench.merchants) == sorted(names), "each once"


def test_nothing_is_begun_that_could_outlive_the_run(bench: Bench) -> None:
    """The SDK's tries with their pauses (up to 1 s and 2 s), and the end of the run after them."""
    options: Any = CONFIG
    tries = options.retries["total_max_attempts"]
    pauses = sum(2**number for number in range(tries - 1))

    assert tries * (options.connect_timeout + options.read_timeout) + pauses <= MAX_CALL_SECONDS
    assert MAX_CALL_SECONDS + 1 < MIN_SECONDS_LEFT
    bench.fill(pages=1, each=1)
    assert (bench.run(MIN_SECONDS_LEFT).complete, bench.index.pages_read, bench.queues.calls) == (False, 0, [])


@pytest.mark.parametrize("pages", [1, 10])
def test_calls_grow_with_what_is_due(bench: Bench, pages: int) -> None:
    """One query a page, one send for ten messages."""
    bench.fill(pages=pages, each=100)

    bench.run()

    assert (bench.index.pages_read, len(bench.queues.calls)) == (4 * pages, 4 * pages * 10)


# Failures


def test_a_part_that_cannot_be_read_holds_up_no_other_and_shows(bench: Bench) -> None:
    for shard in range(4):
        bench.index.parts[shard] = [[due(f"m-{shard}")]]
    bench.index.unreadable = {1}

    with pytest.raises(StorageUnavailable, match="could not be read"):
        bench.run()

    assert set(bench.merchants) == {"m-0", "m-2", "m-3"}
    assert bench.telemetry.total("DispatcherRuns") == 1
    assert "dispatch_shard_read_failed" in bench.telemetry.events


def test_what_a_role_forbids_is_counted_though_the_run_goes_on(bench: Bench) -> None:
    bench.index.parts[0] = [[due()]]
    bench.index.unreadable, bench.index.causes = {1}, ("DynamoDB: AccessDeniedException",)
    bench.queues.failures = [StorageUnavailable("Down.", causes=("SQS: AccessDenied",))]

    with pytest.raises(StorageUnavailable):
        bench.run()

    assert bench.telemetry.total("StorageForbidden") == 2


def test_undelivered_events_go_to_the_publisher_in_a_message_for_each_provider(bench: Bench) -> None:
    bench.queues = MemoryWorkQueues("shopify", OUTBOX)
    bench.index.parts[0] = [
        [
            due("acme"),
            due("acme", "event#a", outbox=True),
            due("acme", "event#b", outbox=True),
            due("acme", "event#c", provider="chicksx", outbox=True),
        ]
    ]

    assert bench.run().messages == 3

    assert {(work.worker, work.provider, *(item.item for item in work.items)) for work in bench.queues.sent} == {
        ("shopify", "shopify", "subject#shop"),
        (OUTBOX, "shopify", "event#a", "event#b"),
        (OUTBOX, "chicksx", "event#c"),
    }
