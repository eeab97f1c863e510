"""Price the simulated days of our functions and of the usual ones, and show them beside each other."""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.day import Day, simulate
from benchmarks.measured_times import Measured
from benchmarks.prices import Items, Prices, functions
from benchmarks.traffic import MERCHANTS, Traffic, traffic

MILLION = 1_000_000


class Priced(NamedTuple):
    """Hold the quantities of a handler's day and its dollars by item."""

    title: str
    day: Day
    items: Items

    @property
    def dollars(self) -> float:
        """Return what the whole day costs."""
        return sum(self.items.values())

    @property
    def own(self) -> float:
        """Return what the handler decides: its functions' time and its reads."""
        return self.items["two functions"] + self.items["reads of the table"]


def price(p: Prices, d: Day) -> Items:
    """Return what a day's requests cost."""
    n, mints = d.requests / MILLION, d.mints / MILLION
    return {
        "REST API": n * p.rest_api,
        "two functions": functions(p, 2 * n, d.billed_seconds / (2 * d.requests)),
        "2 KB of logs": 2 * n * p.log_gigabyte,
        "traces": d.traced / MILLION * p.trace,
        "reads of the table": d.reads / MILLION * p.read_unit,
        # In addition to the request's own read: see new_sessions in costs.py.
        "new tokens": mints * (2 * p.read_unit + 11 * p.write_unit + p.event + p.log_gigabyte)
        + functions(p, mints, 0.01),
    }


def days(p: Prices, measured: Measured) -> Iterator[str]:
    """Yield a table for each assumption of traffic."""
    for each in traffic():
        priced = []
        for handler in measured.handlers:
            day = simulate(handler, each.requests)
            priced.append(Priced(handler.title, day, price(p, day)))
        yield table(each, priced)


def table(assumed: Traffic, priced: list[Priced]) -> str:
    """Return a Markdown table with a row for each handler, below its title. The first row is ours."""
    ours, first = priced[0], priced[0].day
    title = f"**{assumed.title}**: {first.requests:,} requests, {first.mints:,} new tokens."
    times, dollars = ("p50", "p95", "p99"), ("$ a day", "a month", "ours ÷", "of it own", "ours ÷")
    heads = ("handler", "cold", "cached", "reads", *times, *dollars)
    rows = [
        " | ".join(
            (
                each.title,
                f"{each.day.cold_starts:,}",
                f"{each.day.cached / each.day.requests:.0%}",
                f"{each.day.reads:,}",
                *(_shown(milliseconds) for milliseconds in (each.day.p50, each.day.p95, each.day.p99)),
                f"{each.dollars:.3g}",
                f"{30 * each.dollars:.3g}",
                f"{ours.dollars / each.dollars:.2f}",
                f"{each.own:.2g}",
                f"{ours.own / each.own:.2f}",
            )
        )
        for each in priced
    ]
    lines = (f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *(f"| {row} |" for row in rows))
    return "\n".join((title, "", *lines))


def _shown(milliseconds: float) -> str:
    """Return a time with as many digits as matter."""
    return f"{milliseconds:,.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"


def report(p: Prices, measured: Measured) -> str:
    """Return the tables of all days, below a sentence about the figures."""
    busy = " The machine was busy then." if measured.noisy else ""
    return "\n\n".join((f"A day of {MERCHANTS:,} merchants, by figures of {measured.date}.{busy}", *days(p, measured)))
