"""Measure how a dispatcher's run and one merchant's reconciliation grow with the number of merchants.

    python -m benchmarks.growth FOLDER

FOLDER is the state folder of a running local stack. Nothing is left there. The exit status is 0 if both are within
their bounds, 1 if one is not, and 2 if they could not be measured.

Both are the functions' own code in this process, on a table with the template's keys and index. The reconciliation of
every merchant is due. One run of the dispatcher sends a message for each, without the function's time limit. Then the
worker reconciles some merchants. The bounds are for the calls, and for the processor time of this process. The time of
the emulated index also grows: for each page, it looks at all entries of the shard.
"""

import argparse
import os
import statistics
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.errors import CannotMeasureError
from benchmarks.many_merchants import ManyMerchants
from benchmarks.own_stack import running_stack
from sandbox.local_stack import Stack
from token_broker.aws.session import client
from token_broker.aws.store.records import RECONCILIATION
from token_broker.clock import Deadline, SystemClock
from token_broker.entrypoints.handler import Request
from token_broker.errors import BrokerError
from token_broker.lifecycle.worker import maintain
from token_broker.tokens.serve import shop_token
from token_broker.wiring import dispatcher, shopify, worker

#: The smallest size comes again at the end, because other work on the machine affects its short run most.
SIZES = (1000, 10_000, 30_000, 1000)
#: Merchants that are reconciled at each size. The first one does not count, because it loads the code.
RECONCILED = 31
#: The processor time with the most merchants, as a part of that with the fewest.
LARGEST_RATIO = 1.5
#: Seconds after which no call begins.
LONGEST = 240.0


class Cost(NamedTuple):
    """Hold the seconds of an operation, those of them that this process was busy, and the names of its calls."""

    seconds: float
    busy: float
    calls: Counter[str]


class Growth(NamedTuple):
    """Hold the costs at one size: of the run, which sends a message for each merchant, and of reconciliations."""

    merchants: int
    run: Cost
    reconciliations: Sequence[Cost]

    @property
    def message_ms(self) -> float:
        """Return the milliseconds of processor time for each message."""
        return self.run.busy * 1000 / self.merchants

    @property
    def reconciliation_ms(self) -> float:
        """Return the milliseconds of processor time for the median reconciliation."""
        return statistics.median(each.busy for each in self.reconciliations) * 1000


class Bench:
    """Run the functions' code in this process, on a local stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._merchants, self._sqs = stack, ManyMerchants(stack), stack.client("sqs")
        self._request = Request("bench", Deadline.after(SystemClock(), LONGEST))
        self._calls: Counter[str] = Counter()

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Yield with the worker's environment, and with a queue that nobody receives from.

        It is a standard queue. For each message, the emulated FIFO queue searches all ids of five minutes.
        """
        described = self._stack.described
        name = described["functions"]["lifecycle/maintain"]
        variables = self._stack.client("lambda").get_function_configuration(FunctionName=name)["Environment"]
        queue = self._sqs.create_queue(QueueName=f"bench-{uuid.uuid4().hex[:12]}")["QueueUrl"]
        os.environ |= variables["Variables"] | {
            "AWS_ENDPOINT_URL": described["endpointUrl"],
            "AWS_REGION": described["region"],
            "AWS_DEFAULT_REGION": described["region"],
            "AWS_ACCESS_KEY_ID": described["credentials"]["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": described["credentials"]["secretAccessKey"],
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            "WORK_QUEUE_SHOPIFY": queue,
            # Only botocore's calls are counted.
            "FAST_READS": "false",
        }
        for service in ("dynamodb", "sqs", "secretsmanager"):
            client(service).meta.events.register("before-call", self._count)
        try:
            yield
        finally:
            self._sqs.delete_queue(QueueUrl=queue)

    def _count(self, model: Any, **_: Any) -> None:
        self._calls[model.name] += 1

    def _cost(self, operation: Callable[[], object]) -> Cost:
        self._calls.clear()
        began, busy = perf_counter(), process_time()
        operation()
        return Cost(perf_counter() - began, process_time() - busy, self._calls.copy())

    def measure(self, size: int) -> Growth:
        """Measure with this many merchants. Raises `CannotMeasureError`."""
        with self._merchants.table(size, RECONCILED) as (table, merchants):
            os.environ["TOKEN_TABLE"] = table
            try:
                return Growth(size, self._dispatch(size), self._reconcile(merchants)[1:])
            except BrokerError as failure:
                raise CannotMeasureError(f"The local stack did not respond: {failure.detail}") from None

    def _dispatch(self, size: int) -> Cost:
        service = dispatcher().service(self._request)
        cost = self._cost(service.run)
        queue, asked = os.environ["WORK_QUEUE_SHOPIFY"], "ApproximateNumberOfMessages"
        attributes = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[asked])["Attributes"]
        self._sqs.purge_queue(QueueUrl=queue)
        if int(attributes[asked]) != size:
            raise CannotMeasureError(f"{attributes[asked]} messages are in the queue, of {size}.")
        return cost

    def _reconcile(self, merchants: Sequence[str]) -> list[Cost]:
        """Mint a token for each merchant, then reconcile each."""
        tokens, call_of = shopify().service(self._request), worker().service(self._request)
        for merchant in merchants:
            shop_token(tokens, merchant)

        def reconcile(merchant: str) -> None:
            done = maintain(call_of("shopify"), merchant, [RECONCILIATION])
            if done["done"] != 1:
                raise CannotMeasureError("A merchant was not reconciled.")

        return [self._cost(partial(reconcile, merchant)) for merchant in merchants]


def ratios(values: Sequence[float]) -> list[float]:
    """Return each value divided by the mean of the first and the last, which are those of the smallest size."""
    return [value * 2 / (values[0] + values[-1]) for value in values]


def show(console: Console, found: Sequence[Growth]) -> None:
    """Print a row for each size, in a table for the run and in one for the reconciliation."""
    runs = _table(
        "The dispatcher's run, with one due item for each merchant", "s", "queries", "batches", "busy ms each"
    )
    for each, ratio in zip(found, ratios([each.message_ms for each in found]), strict=True):
        calls = each.run.calls
        cells = f"{each.run.seconds:.1f}", f"{calls['Query']:,}", f"{calls['SendMessageBatch']:,}"
        runs.add_row(f"{each.merchants:,}", *cells, f"{each.message_ms:.3f}", f"{ratio:.2f}")
    one = _table("The daily reconciliation of one merchant, median", "ms", "calls to AWS", "busy ms")
    for each, ratio in zip(found, ratios([each.reconciliation_ms for each in found]), strict=True):
        milliseconds = statistics.median(cost.seconds for cost in each.reconciliations) * 1000
        calls_each = each.reconciliations[0].calls.total()
        cells = f"{milliseconds:.0f}", f"{calls_each}", f"{each.reconciliation_ms:.1f}"
        one.add_row(f"{each.merchants:,}", *cells, f"{ratio:.2f}")
    console.print(runs)
    console.print(one)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in ("merchants", *heads, "÷ fewest"):
        table.add_column(head, justify="right", no_wrap=True)
    return table


def faults(found: Sequence[Growth]) -> Iterator[str]:
    """Yield a sentence for each broken bound."""
    largest = max(range(len(found)), key=lambda number: found[number].merchants)
    times = {
        "message": [each.message_ms for each in found],
        "reconciliation": [each.reconciliation_ms for each in found],
    }
    for name, values in times.items():
        if (ratio := ratios(values)[largest]) > LARGEST_RATIO:
            yield f"A {name} takes {ratio:.2f} times the processor time, more than {LARGEST_RATIO}."
    calls = found[0].reconciliations[0].calls
    if any(cost.calls != calls for each in found for cost in each.reconciliations):
        yield "Not every reconciliation makes the same calls."


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("folder", type=Path, help="the state folder of a local stack that is up")
    console, complaints = Console(), Console(stderr=True)
    try:
        bench = Bench(running_stack(parser.parse_args().folder))
        with bench.ready():
            found = [bench.measure(size) for size in SIZES]
    except CannotMeasureError as fault:
        complaints.print(f"[red]✗[/] {fault}", soft_wrap=True, highlight=False)
        return 2
    except (BotoCoreError, ClientError, OSError) as fault:
        complaints.print(f"[red]✗[/] The local stack did not respond: {type(fault).__name__}.", highlight=False)
        return 2
    show(console, found)
    broken = list(faults(found))
    for sentence in broken:
        complaints.print(f"[red]✗[/] {sentence}", highlight=False)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
