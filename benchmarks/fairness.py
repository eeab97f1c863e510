"""Measure how long one merchant's mints take while another merchant floods the API with mints.

    python -m benchmarks.fairness FOLDER

FOLDER is the state folder of a running local stack. Nothing is left there. The exit status is 0 if the median with the
mint quota is within the bound, and 1 if it is not. It is 2 if it could not be measured.

The token function of ChicksX gets ten concurrent executions, as many as a new AWS account has for all functions. The
provider takes a second for each mint. Each round measures the quiet merchant before and during a flood, with the quota
and without it. A mint that finds no free function is repeated, and its time is that until the token arrives.
"""

import argparse
import json
import statistics
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.errors import CannotMeasureError
from benchmarks.own_stack import running_stack
from sandbox.local_stack import Stack
from sandbox.simulators.control_client import ControlClient
from token_broker_client import TokenBrokerError
from token_broker_client.errors import BrokerError, MalformedAnswer

FUNCTION = "chicksx/public_token"
#: The template's default, and a limit that no flood reaches.
LIMITS = {"120 a minute": 120, "none": 1_000_000}
ROUNDS = 2
#: Concurrent executions of a new AWS account, and seconds that the provider takes.
CONCURRENCY, PROVIDER_SECONDS = 10, 1.0
#: Requests of the flood in a second. The throttle of a route is 100.
FLOOD_RATE = 15
#: Seconds of a measurement without and with a flood. The flood lasts as long as the quota's minute.
CALM, FLOOD = 15.0, 60.0
#: Seconds between two tries of the quiet merchant, and until it gives up.
PAUSE, LONGEST = 0.2, 30.0
#: The median during the flood, with the quota, as a part of that before it.
LARGEST_RATIO = 1.25


@dataclass
class Figures:
    """Hold the quiet merchant's seconds before and during floods, its repeated tries, and the flood's responses."""

    calm: list[float] = field(default_factory=list)
    flooded: list[float] = field(default_factory=list)
    repeated: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def median_ratio(self) -> float:
        """Return the median during floods, divided by that before them."""
        return statistics.median(self.flooded) / statistics.median(self.calm)

    @property
    def p95_ratio(self) -> float:
        """Return the same of the 95th percentiles."""
        return _p95(self.flooded) / _p95(self.calm)


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


class Bench:
    """Hold a local stack and three merchants: one is quiet, one floods, and one starts the function's processes."""

    def __init__(self, stack: Stack) -> None:
        if stack.control_url is None:
            raise CannotMeasureError("The stack has no simulators.")
        self._stack, self._control, self._broker = stack, ControlClient(stack.control_url), stack.broker()
        self._lambda, self._secrets = map(stack.client, ("lambda", "secretsmanager"))
        self._function = {"FunctionName": stack.described["functions"][FUNCTION]}
        self.quiet, self.flooding, self._starting = (f"bench-{uuid.uuid4().hex[:12]}" for _ in range(3))

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Yield with the merchants, a slow provider and few executions."""
        environment = self._lambda.get_function_configuration(**self._function)["Environment"]
        self._variables = environment["Variables"]
        try:
            for merchant in (self.quiet, self.flooding, self._starting):
                fields = {"apiKey": f"key-of-{merchant}", "clientId": f"id-of-{merchant}"}
                self._control.put_account("chicksx", merchant, **fields)
                self._secrets.create_secret(Name=self._secret(merchant), SecretString=json.dumps(fields))
            self._control.fault("chicksx", "hang", seconds=PROVIDER_SECONDS, times=1_000_000)
            self._lambda.put_function_concurrency(**self._function, ReservedConcurrentExecutions=CONCURRENCY)
            yield
        finally:
            self._control.forget_faults()
            self._lambda.delete_function_concurrency(**self._function)
            self._lambda.update_function_configuration(**self._function, Environment=environment)
            for merchant in (self.quiet, self.flooding, self._starting):
                self._secrets.delete_secret(SecretId=self._secret(merchant), ForceDeleteWithoutRecovery=True)
                self._control.delete_account("chicksx", merchant)

    def _secret(self, merchant: str) -> str:
        return f"{self._stack.described['secretPrefix']}/chicksx/{merchant}"

    def limit(self, mints: int) -> None:
        """Set the quota, and start as many processes as can run at a time."""
        variables = {**self._variables, "MINTS_PER_MINUTE": str(mints)}
        self._lambda.update_function_configuration(**self._function, Environment={"Variables": variables})
        for _ in range(2):
            with ThreadPoolExecutor(CONCURRENCY) as pool:
                list(pool.map(self._mint, [self._starting] * CONCURRENCY))

    def _mint(self, merchant: str) -> str:
        """Request a token for a new session once, and return the outcome in words."""
        try:
            self._broker.merchant(merchant).chicksx.token(uuid.uuid4().hex)
        except BrokerError as refused:
            return refused.code
        except MalformedAnswer as answer:  # the local gateway has no problem document for it
            return "no free function" if answer.status == 429 else str(answer.status)
        return "minted"

    def measure(self, seconds: float, figures: Figures) -> list[float]:
        """Mint one token after the other for the quiet merchant, and return the seconds of each."""
        found, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            while (outcome := self._mint(self.quiet)) != "minted":
                if outcome != "no free function" or time.perf_counter() - began > LONGEST:
                    raise CannotMeasureError(f"The quiet merchant gets no token: {outcome}.")
                figures.repeated += 1
                time.sleep(PAUSE)
            found.append(time.perf_counter() - began)
            time.sleep(PAUSE)
        return found

    @contextmanager
    def flood(self, figures: Figures) -> Iterator[None]:
        """Send the other merchant's mints meanwhile, each at its time, whether or not those before have ended."""
        ended = threading.Event()

        def send() -> None:
            # More threads than requests within the longest response, so that no request waits for a thread.
            with ThreadPoolExecutor(4 * FLOOD_RATE) as pool:
                while not ended.wait(1 / FLOOD_RATE):
                    pool.submit(lambda: figures.answers.update([self._mint(self.flooding)]))

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            ended.set()
            sender.join()


def measure(bench: Bench) -> dict[str, Figures]:
    """Measure with and without the quota in turn, every second round the other way round."""
    found = {name: Figures() for name in LIMITS}
    for number in range(ROUNDS):
        names = list(LIMITS)[:: -1 if number % 2 else 1]
        for name in names:
            bench.limit(LIMITS[name])
            found[name].calm += bench.measure(CALM, found[name])
            with bench.flood(found[name]):
                found[name].flooded += bench.measure(FLOOD, found[name])
    return found


def show(console: Console, found: dict[str, Figures]) -> None:
    """Print a row for each limit."""
    title = f"Mints of one merchant while another one requests {FLOOD_RATE} a second"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("quota", no_wrap=True)
    for head in ("median s", "÷ before", "p95 s", "÷ before", "mints", "repeated tries"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, each in found.items():
        times = f"{statistics.median(each.flooded):.2f}", f"{each.median_ratio:.2f}"
        slowest = f"{_p95(each.flooded):.2f}", f"{each.p95_ratio:.2f}"
        table.add_row(name, *times, *slowest, str(len(each.flooded)), str(each.repeated))
    console.print(table)
    for name, each in found.items():
        answers = ", ".join(f"{count} {answer}" for answer, count in each.answers.most_common())
        console.print(f"The flood, quota {name}: {answers}", highlight=False)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fairness", description=__doc__)
    parser.add_argument("folder", type=Path, help="the state folder of a local stack that is up")
    console, complaints = Console(), Console(stderr=True)
    try:
        bench = Bench(running_stack(parser.parse_args().folder))
        with bench.ready():
            found = measure(bench)
    except CannotMeasureError as fault:
        complaints.print(f"[red]✗[/] {fault}", soft_wrap=True, highlight=False)
        return 2
    except (BotoCoreError, ClientError, TokenBrokerError) as fault:
        complaints.print(f"[red]✗[/] The local AWS did not respond: {type(fault).__name__}.", highlight=False)
        return 2
    show(console, found)
    ratio = found["120 a minute"].median_ratio
    if ratio > LARGEST_RATIO:
        complaints.print(f"[red]✗[/] {ratio:.2f} times as long a mint, more than {LARGEST_RATIO}.", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
