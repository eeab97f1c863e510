"""Measure how the dispatcher's run grows with the number of merchants with pending work.

    python -m benchmarks.dispatch FOLDER

FOLDER is the state folder of a running local stack. Nothing is left there. The exit status is 0 if the time for each
message is within the bound, 1 if it is not, and 2 if it could not be measured.

The run is the function's own code with the function's time limit, in this process, on the stack's table. Its messages
go to a standard queue. For each message, the emulated FIFO queue searches all the deduplication ids that it remembers.
Its time grows with their square and would hide the measured time.
"""

import argparse
import itertools
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.errors import CannotMeasureError
from sandbox.local_stack import Stack
from token_broker.aws.store.records import due_shard, partition
from token_broker.clock import Deadline, SystemClock
from token_broker.entrypoints.handler import Request
from token_broker.errors import StorageUnavailable
from token_broker.lifecycle.dispatcher import DispatchSummary
from token_broker.wiring import dispatcher

SIZES = (1000, 2500, 5000, 10_000)
#: The time for each message with the most merchants, as a part of that with the fewest.
LARGEST_RATIO = 1.5
#: Seconds after which no further run begins, and seconds for one run (template.yaml: 50, 2 of them for the response).
LONGEST, OF_A_RUN = 200.0, 48.0
#: The largest batch of BatchWriteItem.
BATCH = 25


@dataclass(frozen=True)
class Figures:
    """Hold the time of one run in seconds, and its messages. They are fewer than the merchants if it was cut off."""

    merchants: int
    seconds: float
    messages: int

    @property
    def milliseconds_each(self) -> float:
        """Return the milliseconds for each message."""
        return self.seconds * 1000 / self.messages

    def mean(self, other: "Figures") -> "Figures":
        """Return the mean of two measurements of the same."""
        seconds, messages = (self.seconds + other.seconds) / 2, (self.messages + other.messages) // 2
        return Figures(self.merchants, seconds, messages)


class Bench:
    """Hold a local stack's table, and a queue that nobody receives from."""

    def __init__(self, stack: Stack) -> None:
        self._table = str(stack.described["table"])
        self._dynamodb, self._sqs, self._scheduler = map(stack.client, ("dynamodb", "sqs", "scheduler"))
        self._dispatch = f":function:{stack.described['functions']['lifecycle/dispatch']}"
        self._until = time.monotonic() + LONGEST
        self._queue = ""
        pair = stack.described["credentials"]
        os.environ |= {
            "AWS_ENDPOINT_URL": stack.described["endpointUrl"],
            "AWS_REGION": stack.described["region"],
            "AWS_DEFAULT_REGION": stack.described["region"],
            "AWS_ACCESS_KEY_ID": pair["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": pair["secretAccessKey"],
            "TOKEN_TABLE": self._table,
            "SECRET_PREFIX": stack.described["secretPrefix"],
            "POWERTOOLS_SERVICE_NAME": "bench",
            "POWERTOOLS_METRICS_NAMESPACE": "bench",
        }

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Yield with a queue, and without the stack's own schedule.

        The schedule would send this work to the workers.
        """
        wanted = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target", "Description")
        names = [each["Name"] for each in self._scheduler.list_schedules()["Schedules"]]
        schedules = [self._scheduler.get_schedule(Name=name) for name in names]
        (clock,) = [each for each in schedules if each["Target"]["Arn"].endswith(self._dispatch)]
        given = {name: clock[name] for name in wanted if name in clock}
        self._scheduler.update_schedule(**given, State="DISABLED")
        self._queue = self._sqs.create_queue(QueueName=f"bench-{uuid.uuid4().hex[:12]}")["QueueUrl"]
        try:
            os.environ["WORK_QUEUE_SHOPIFY"] = self._queue
            self._container = dispatcher()
            self.run()
            yield
        finally:
            self._sqs.delete_queue(QueueUrl=self._queue)
            self._scheduler.update_schedule(**given, State=clock["State"])

    @contextmanager
    def _due(self, merchants: int) -> Iterator[None]:
        """Yield with this number of merchants, each with one due item. Remove them afterward."""
        names = [partition("shopify", f"bench-{uuid.uuid4().hex[:12]}") for _ in range(merchants)]
        keys = {name: {"pk": {"S": name}, "sk": {"S": "subject#shop"}} for name in names}
        since = {"N": str(int(time.time()) - 60)}
        try:
            self._write(
                {"PutRequest": {"Item": {**key, "due": {"S": due_shard(name)}, "dueAt": since}}}
                for name, key in keys.items()
            )
            yield
        finally:
            self._write({"DeleteRequest": {"Key": key}} for key in keys.values())
            self._sqs.purge_queue(QueueUrl=self._queue)

    def _write(self, requests: Iterator[Mapping[str, Any]]) -> None:
        for some in itertools.batched(requests, BATCH, strict=False):
            response = self._dynamodb.batch_write_item(RequestItems={self._table: list(some)})
            if response.get("UnprocessedItems"):
                raise CannotMeasureError("The local table did not take all items. Is this machine very busy?")

    def run(self) -> tuple[DispatchSummary, float]:
        """Run the dispatcher once, and return its summary and its time."""
        if time.monotonic() > self._until:
            raise CannotMeasureError(f"It took longer than {LONGEST:.0f} s. Measure again on an idle machine.")
        service = self._container.service(Request("bench", Deadline.after(SystemClock(), OF_A_RUN)))
        began = time.perf_counter()
        try:
            done = service.run()
        except StorageUnavailable as failure:
            raise CannotMeasureError(f"The local AWS did not respond: {failure.detail}") from None
        return done, time.perf_counter() - began

    def measure(self, merchants: int) -> Figures:
        """Run once with this number of merchants."""
        with self._due(merchants):
            done, seconds = self.run()
            if done.refused or not done.messages:
                raise CannotMeasureError("The local queue does not take messages.")
            if done.complete and done.messages < merchants:
                raise CannotMeasureError(f"A complete run sent {done.messages} messages for {merchants} merchants.")
            self._expect(done.messages)
        return Figures(merchants, seconds, done.messages)

    def _expect(self, messages: int) -> None:
        asked = "ApproximateNumberOfMessages"
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=[asked])
        waiting = int(response["Attributes"][asked])
        if waiting != messages:
            raise CannotMeasureError(f"{waiting} messages are in the queue, of {messages}.")


def show(console: Console, figures: list[Figures]) -> None:
    """Print a row for each number of merchants."""
    title = "The dispatcher's run, one due item for each merchant"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("merchants", "s", "ms a message", "÷ fewest", "messages"):
        table.add_column(head, justify="right", no_wrap=True)
    for each in figures:
        ratio = each.milliseconds_each / figures[0].milliseconds_each
        cells = f"{each.seconds:.1f}", f"{each.milliseconds_each:.2f}", f"{ratio:.2f}"
        table.add_row(f"{each.merchants:,}", *cells, f"{each.messages:,}")
    console.print(table)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("folder", type=Path, help="the state folder of a local stack that is up")
    console, complaints = Console(), Console(stderr=True)
    try:
        bench = Bench(Stack.read(parser.parse_args().folder))
        with bench.ready():
            figures = [bench.measure(merchants) for merchants in SIZES]
            # Other work on the machine affects the short measurement most, so it is made before and after all others.
            figures[0] = figures[0].mean(bench.measure(SIZES[0]))
    except (CannotMeasureError, FileNotFoundError) as fault:
        complaints.print(f"[red]✗[/] {fault}", soft_wrap=True, highlight=False)
        return 2
    show(console, figures)
    ratio = figures[-1].milliseconds_each / figures[0].milliseconds_each
    if ratio > LARGEST_RATIO:
        complaints.print(f"[red]✗[/] {ratio:.2f} times as long a message, more than {LARGEST_RATIO}.", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
