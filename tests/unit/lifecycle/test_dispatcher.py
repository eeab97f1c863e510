"""The dispatcher sends pending work, one message for each merchant. A run that fails or is cut off loses nothing."""

from functools import partial
from typing import Any

import pytest

from tests.fakes.clock import MovableClock
from tests.fakes.due import MemoryCursor, MemoryDueIndex, MemoryWorkQueues, due
from tests.fakes.telemetry import RecordingTelemetry
from token_broker.aws.session import CONFIG
from token_broker.clock import Deadline
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.dispatcher import (
    ITEMS_PER_MESSAGE,
    MAX_CALL_SECONDS,
    MIN_SECONDS_LEFT,
    Dispatcher,
    DispatchSummary,
)
from token_broker.ports.work import OUTBOX, IndexCursor


class Bench:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.index = MemoryDueIndex()
        self.queues = MemoryWorkQueues()
        self.cursor = MemoryCursor()
        self.telemetry = RecordingTelemetry()
        self.first = 0.0

    def run(self, seconds: float = 48) -> DispatchSummary:
        deadline = Deadline.after(self.clock, seconds)
        index, queues, cursor = self.index, self.queues, self.cursor
        return Dispatcher(index, queues, cursor, self.clock, self.telemetry, lambda: self.first, deadline).run()

    def runs_until_sent(self, names: list[str], seconds: float, *, at_most: int) -> None:
        """One after the other, while nobody works on anything, so that all stays due."""
        for _ in range(at_most):
            self.run(seconds)
            if {work.merchant for work in self.queues.sent} == set(names):
                return
        raise AssertionError("somebody is left out")

    @property
    def sent(self) -> list[tuple[str, list[str]]]:
        return [(work.merchant, [item.item for item in work.items]) for work in self.queues.sent]


def test_where_nothing_is_due_every_part_is_looked_at_once_and_nothing_sent() -> None:
    bench = Bench()

    done = bench.run()

    assert (sorted(bench.index.asked), bench.index.pages_read, bench.queues.calls) == ([0, 1, 2, 3], 4, [])
    assert done.as_json() == {"items": 0, "messages": 0, "refused": 0, "complete": True}
    assert bench.telemetry.total("DispatcherRuns") == 1
    assert bench.cursor.calls == ["read"]


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


def test_a_message_is_bounded_and_takes_the_oldest() -> None:
    bench = Bench()
    bench.index.parts[0] = [[due("acme", f"token#{number}", ago=500 - number) for number in range(60)]]

    bench.run()

    assert bench.sent == [("acme", [f"token#{number}" for number in range(ITEMS_PER_MESSAGE)])]


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


def test_a_run_that_is_cut_off_continues_where_it_was() -> None:
    """Between two parts, two pages and in the middle of a page: every merchant once, and nobody twice."""
    for batches in range(1, 24):
        bench = Bench()
        names = merchants(bench, pages=2, each=30)
        bench.queues.took = partial(bench.clock.advance, 1)

        bench.runs_until_sent(names, MIN_SECONDS_LEFT + batches, at_most=-(-24 // batches))

        assert sorted([merchant for merchant, _ in bench.sent][: len(names)]) == sorted(names), f"{batches} a run"


def test_the_next_run_begins_there_and_comes_to_what_was_before_at_last() -> None:
    bench = Bench()
    names = merchants(bench, pages=2, each=10)
    bench.queues.took = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 3)
    assert ([merchant for merchant, _ in bench.sent], done.complete) == (names[:30], False)
    assert bench.telemetry.notices == [("dispatch_cut_off", {"shard": 1, "messages": 30})]
    assert bench.telemetry.total("DispatcherRunsCutOff") == 1
    bench.queues.sent.clear()
    bench.first = 0.9

    assert bench.run(MIN_SECONDS_LEFT + 100).complete
    assert [merchant for merchant, _ in bench.sent] == [*names[30:], *names[:20], *names[20:30]]
    assert bench.cursor.calls == ["read", "save", "read", "clear"]


def test_a_run_that_can_do_next_to_nothing_comes_to_an_end_too() -> None:
    """One batch of a page each time."""
    bench = Bench()
    names = merchants(bench, pages=1, each=45)
    bench.queues.took = partial(bench.clock.advance, 10)

    bench.runs_until_sent(names, MIN_SECONDS_LEFT + 1, at_most=20)


def test_a_merchant_of_whom_more_is_due_further_on_is_not_passed_over() -> None:
    """The place is before the first entry that was not sent, also where later ones were, with another of theirs."""
    bench = Bench()
    page = [due(f"m-{number}") for number in range(12)]
    bench.index.parts[0] = [[*page, due("m-0", "token#1"), due("m-99")]]
    bench.queues.took = partial(bench.clock.advance, 1)

    bench.run(MIN_SECONDS_LEFT + 1)
    assert bench.cursor.cursor == IndexCursor(0, {"number": 9, "dueAt": page[9].due_at}, page[9].due_at)
    bench.run(MIN_SECONDS_LEFT + 100)

    assert {merchant for merchant, _ in bench.sent} == {*(item.merchant for item in page), "m-99"}


def test_a_queue_that_takes_nothing_holds_up_no_other_merchant() -> None:
    """What was refused comes again with the next round."""
    bench = Bench()
    names = merchants(bench, pages=1, each=10)
    bench.queues.took = partial(bench.clock.advance, 1)
    bench.queues.refused = {names[0]}

    bench.run(MIN_SECONDS_LEFT + 2)
    bench.queues.refused = set()
    bench.run(MIN_SECONDS_LEFT + 100)

    assert {merchant for merchant, _ in bench.sent} == set(names)


def test_a_clock_that_was_put_back_loses_nothing() -> None:
    """What is behind the place is not due yet, so the part is looked at from its beginning."""
    bench = Bench()
    names = merchants(bench, pages=1, each=30)
    bench.index.parts[0][0][0] = due(names[0], ago=5000)
    bench.queues.took = partial(bench.clock.advance, 1)
    bench.run(MIN_SECONDS_LEFT + 1)
    assert bench.cursor.cursor is not None
    bench.queues.sent.clear()
    bench.clock.advance(-2000)

    assert bench.run(MIN_SECONDS_LEFT + 100).complete
    assert [merchant for merchant, _ in bench.sent] == names[:1]
    bench.clock.advance(2000)
    bench.run(MIN_SECONDS_LEFT + 100)
    assert {merchant for merchant, _ in bench.sent} == set(names)


def test_a_run_that_dies_before_its_note_only_repeats() -> None:
    bench = Bench()
    names = merchants(bench, pages=1, each=30)
    bench.queues.took = partial(bench.clock.advance, 1)
    bench.run(MIN_SECONDS_LEFT + 2)
    noted = bench.cursor.cursor, bench.cursor.seen
    bench.run(MIN_SECONDS_LEFT + 2)
    bench.cursor.cursor, bench.cursor.seen = noted

    bench.runs_until_sent(names, MIN_SECONDS_LEFT + 2, at_most=6)


def test_two_runs_at_once_send_the_same_and_the_first_note_stays() -> None:
    bench = Bench()
    names = merchants(bench, pages=1, each=30)
    second: list[DispatchSummary] = []

    def meanwhile() -> None:
        bench.queues.took = partial(bench.clock.advance, 1)
        second.append(bench.run(MIN_SECONDS_LEFT + 4))
        bench.clock.advance(100)

    bench.queues.took = meanwhile
    first = bench.run(MIN_SECONDS_LEFT + 90)

    assert not first.complete
    assert not second[0].complete
    assert bench.cursor.cursor is not None
    assert (bench.cursor.cursor.shard, bench.cursor.calls) == (1, ["read", "read", "save", "save"])
    bench.queues.took = lambda: None
    bench.run()
    assert {merchant for merchant, _ in bench.sent} == set(names)


@pytest.mark.parametrize("shard", [-1, 4, 99])
def test_a_note_of_a_part_that_there_is_not_is_passed_over_and_goes(shard: int) -> None:
    bench = Bench()
    names = merchants(bench, pages=1, each=1)
    bench.cursor.cursor, bench.cursor.seen = IndexCursor(shard), "note-0"

    assert bench.run().complete
    assert [merchant for merchant, _ in bench.sent] == names
    assert bench.cursor.read() == (None, None)


def test_a_cursor_that_fails_costs_no_message() -> None:
    bench = Bench()
    names = merchants(bench, pages=1, each=10)
    bench.cursor.failure = StorageUnavailable("Down.")
    bench.queues.took = partial(bench.clock.advance, 1)

    done = bench.run(MIN_SECONDS_LEFT + 2)

    assert (done.messages, bench.sent[0][0]) == (20, names[0])
    assert bench.telemetry.events == ["dispatch_cursor_read_failed", "dispatch_cut_off", "dispatch_cursor_write_failed"]


def test_a_place_in_a_part_that_cannot_be_read_is_not_kept() -> None:
    """It may be the place itself that the index does not take."""
    bench = Bench()
    merchants(bench, pages=1, each=10)
    bench.cursor.cursor, bench.cursor.seen = IndexCursor(1, {"number": 2, "dueAt": 0}, 0), "note-0"
    bench.index.unreadable = {1}

    with pytest.raises(StorageUnavailable):
        bench.run()

    assert bench.cursor.cursor is None


def test_nothing_is_begun_that_could_outlive_the_run() -> None:
    """The SDK's tries with their pauses (up to 1 s and 2 s), and the note after them."""
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
