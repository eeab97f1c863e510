"""Estimate what a stack costs in a month, from prices and quantities that you can change.

    python3 -m benchmarks.costs --merchants 200 --secrets-each 2 --page-requests 5 --rest-api 3.50

docs/explanation/costs.md explains the figures. Nothing was measured on a bill, and free tiers are left out. Below the
estimates follows a simulated day of 1,000 merchants, with the times that `make bench` has measured.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from math import inf, nan
from pathlib import Path
from typing import NamedTuple

from benchmarks import day_costs
from benchmarks.measured_times import FIGURES, FiguresError, read_figures
from benchmarks.prices import Items, Prices, functions

#: Runs of the dispatcher, and receives of the five pollers of one queue, which wait 20 s for a message.
RUNS, RECEIVES = 30 * 24 * 60, 5 * 30 * 24 * 60 * 3


class Usage(NamedTuple):
    """Hold the quantities of a month. Requests are in millions."""

    merchants: float = 100
    #: One for each provider, one for keys of proofs, one for each provider with expiring credentials.
    secrets_each: float = 1
    page_requests: float = 1
    new_sessions: float = 1
    #: Custom metrics that the dispatcher writes each minute.
    idle_metrics: float = 5
    #: Further ones that get a value in each hour: at most 55 to 95, by the providers in use and the errors that occur.
    busy_metrics: float = 75
    alarm_metrics: float = 51
    #: X-Ray records the first request of each second and 5 % of the others: 0.6 for a million within 8 hours a day.
    traced: float = 0.6
    #: Seconds for which a function waits for the provider to create a token.
    provider_seconds: float = 0.5


def idle(p: Prices, u: Usage) -> Items:
    """Return what a stack without requests costs."""
    runs = RUNS / 1_000_000
    return {
        "custom metrics": u.idle_metrics * p.metric,
        "the dashboard": p.dashboard,
        "metrics of alarms": u.alarm_metrics * p.alarm_metric,
        "polling of three queues": RECEIVES / 1_000_000 * (p.queue_standard + 2 * p.queue_fifo),
        # A run reads 16 shards, eventually consistent, and writes 1.5 KB of log.
        "runs of the dispatcher": functions(p, runs, 0.3) + runs * (8 * p.read_unit + 1.5 * p.log_gigabyte + p.trace),
    }


def busy(p: Prices, u: Usage) -> Items:
    """Return what requests in each hour add, however many they are."""
    return {"further custom metrics": u.busy_metrics * p.metric}


def secrets(p: Prices, u: Usage) -> Items:
    """Return what the merchants' secrets cost."""
    return {"secrets": u.merchants * u.secrets_each * p.secret}


def page_requests(p: Prices, u: Usage) -> Items:
    """Return what requests of pages cost whose token is stored: an authorizer and a function, both warm."""
    n = u.page_requests
    return {
        "REST API": n * p.rest_api,
        "two functions": functions(p, 2 * n, 0.005),
        "2 KB of logs": 2 * n * p.log_gigabyte,
        "traces": n * u.traced * p.trace,
        # At most: each process reads policy and token once in 30 s.
        "reads of the table": 2 * n * p.read_unit,
    }


def new_sessions(p: Prices, u: Usage) -> Items:
    """Return what new tokens for checkout sessions cost, with their events."""
    n = u.new_sessions
    return {
        "REST API": n * p.rest_api,
        "three functions": functions(p, 2 * n, 0.01) + functions(p, n, u.provider_seconds),
        "3 KB of logs": 3 * n * p.log_gigabyte,
        "traces": n * u.traced * p.trace,
        # The lease, the mint's count, a transaction of three items, and the event's deletion; each index entry counts.
        "3 reads and 11 writes of the table": n * (3 * p.read_unit + 11 * p.write_unit),
        "the event": n * p.event,
    }


def table(title: str, items: Items) -> str:
    """Return a Markdown table with its sum."""
    rows = [f"| {name} | {price:.2f} |" for name, price in items.items()]
    return "\n".join([f"| {title} | $ |", "|---|---|", *rows, f"| **together** | **{sum(items.values()):.2f}** |"])


def report(p: Prices, u: Usage) -> str:
    """Return all tables."""
    return "\n\n".join(
        (
            table("an idle stack, a month", idle(p, u)),
            table("a stack that is used in each hour, in addition, a month", busy(p, u)),
            table(f"{u.merchants:g} merchants with {u.secrets_each:g} secret(s) each, a month", secrets(p, u)),
            table(f"{u.page_requests:g} million requests of pages for a stored token", page_requests(p, u)),
            table(f"{u.new_sessions:g} million new tokens for sessions", new_sessions(p, u)),
        )
    )


def amount(text: str) -> float:
    """Return a price or a quantity. Raises `ArgumentTypeError` if it is no number, infinite or negative."""
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not 0 <= value < inf:
        raise ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables for the prices and quantities of the command line, then a day by measured times.

    Exits with a sentence if there are no usable figures of `make bench`.
    """
    parser = ArgumentParser(prog="python3 -m benchmarks.costs", description="Estimate the costs of a month in dollars.")
    defaults = {**Prices()._asdict(), **Usage()._asdict()}
    for name, default in defaults.items():
        parser.add_argument("--" + name.replace("_", "-"), type=amount, default=default, help=f"(default {default:g})")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="what `make bench` has measured")
    chosen = vars(parser.parse_args(arguments))
    prices = Prices(**{name: chosen[name] for name in Prices._fields})
    print(report(prices, Usage(**{name: chosen[name] for name in Usage._fields})), end="\n\n", flush=True)
    try:
        print(day_costs.report(prices, read_figures(chosen["figures"])))
    except FiguresError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
