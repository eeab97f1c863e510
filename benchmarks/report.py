"""Show the results to people, and write them as JSON."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.bounds import LARGEST_DECISION_RATIO, LARGEST_LAYER, LARGEST_RATIO, Results
from benchmarks.comparison import LARGEST_GROWTH, MOST_MODULES_ADDED, Comparison
from benchmarks.rounds import Figures

_LARGEST_SHOWN = 5


def show(console: Console, results: Results) -> None:
    """Print everything in lines of 80 characters."""
    console.print(_cold(results))
    console.print(_decisions(results))
    if results.busy:
        console.print(
            "[yellow]Something else kept this machine busy. Wall times say little, so the parts (÷)[/]\n"
            "[yellow]are of processor time here. Measure again when it is idle.[/]\n",
            soft_wrap=True,
        )
    layer, warm = results.layer, results.warm
    parts = ", ".join(f"{name} {size / 2**20:.1f}" for name, size in layer.packages[:_LARGEST_SHOWN])
    for head, lines in (
        ("÷ usual", ("the time as a part of the usual handler's as usually deployed:", "without bytecode.")),
        ("", (f"The bound of {LARGEST_RATIO} refers to this column.",)),
        ("÷ compiled", ("the same, had the usual handler been compiled before.",)),
        ("", (f"{_within(results)} of {len(results.cases)} keep to {LARGEST_RATIO} here too.",)),
        ("÷ boto3", ("the time as a part of a function's that imports boto3 and makes one client,",)),
        ("", (f"though that makes no call. The bound is {LARGEST_DECISION_RATIO}.",)),
        ("rounds", (f"{results.rounds}, interleaved; medians.", platform.python_version(), platform.machine())),
        ("layer", (f"{layer.size / 2**20:.2f} MiB unzipped, of at most {LARGEST_LAYER // 2**20}.",)),
        ("", (parts,)),
        ("warm", (f"{warm.per_second:,.0f} calls a second from memory, median {warm.median_microseconds:.0f} µs;",)),
        ("", (f"{warm.calls:,} calls opened no socket and sent no request.",)),
    ):
        console.print(f"[bold]{head:12}[/]{' '.join(lines)}", highlight=False, soft_wrap=True)


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print a line for each case, in lines of 80 characters."""
    title = f"Start to first answer, against {comparison.commit}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("handler", no_wrap=True)
    for head in ("rounds", "ms", "÷ wall", "÷ cpu", "modules", "+"):
        table.add_column(head, justify="right", no_wrap=True)
    for pair in comparison.pairs:
        verdict = "red" if comparison.slow(pair) else "green"
        wall, cpu = ("default", verdict) if comparison.busy else (verdict, "default")
        table.add_row(
            pair.case.title,
            str(pair.rounds),
            f"{pair.new.wall * 1000:.0f}",
            f"[{wall}]{pair.wall:.2f}[/]",
            f"[{cpu}]{pair.cpu:.2f}[/]",
            f"{pair.old.modules}→{pair.new.modules}",
            f"[{'red' if comparison.heavy(pair) else 'green'}]{pair.more_modules:+}[/]",
        )
    console.print(table)
    bound = "÷ cpu, since something else kept this machine busy" if comparison.busy else "÷ wall"
    console.print(
        "÷ is the median of the rounds' ratios, new by old. Rounds are interleaved.\n"
        f"The bound of {LARGEST_GROWTH} refers to {bound}.\n"
        f"The median of all handlers is {median(map(comparison.growth, comparison.pairs)):.2f} there.\n"
        f"A handler may load at most {MOST_MODULES_ADDED} modules more.",
        highlight=False,
        soft_wrap=True,
    )


def _within(results: Results) -> int:
    return sum(results.ratio(figures, compiled=True) <= LARGEST_RATIO for figures in results.cases.values())


def _cold(results: Results) -> Table:
    title = "A fresh process, from its start to its first response"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("handler", no_wrap=True)
    for head in ("ms", "÷ usual", "÷ compiled", "cpu ms", "MiB", "modules"):
        table.add_column(head, justify="right", no_wrap=True)
    _row(table, "usual, as deployed", results.usual, results, "bold")
    _row(table, "usual, compiled", results.usual_compiled, results, "bold")
    table.add_section()
    for case, figures in results.cases.items():
        _row(table, case.title, figures, results, "red" if results.slow(figures) else "green")
    return table


def _decisions(results: Results) -> Table:
    title = "A storefront's authorizer, from the start of its process to its first decision"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("function", no_wrap=True)
    for head in ("ms", "÷ boto3", "cpu ms", "MiB", "modules"):
        table.add_column(head, justify="right", no_wrap=True)
    rows = [("boto3 and one client, no call", results.one_client, "bold")]
    rows += [
        (case.title, figures, "red" if results.slow_decision(figures) else "green")
        for case, figures in results.decisions.items()
    ]
    for name, figures, style in rows:
        table.add_row(
            name,
            f"{figures.wall * 1000:.0f}",
            f"[{style}]{results.decision_ratio(figures):.2f}[/]",
            f"{figures.cpu * 1000:.0f}",
            f"{figures.peak:.0f}",
            str(figures.modules),
        )
    return table


def _row(table: Table, name: str, figures: Figures, results: Results, style: str) -> None:
    table.add_row(
        name,
        f"{figures.wall * 1000:.0f}",
        f"[{style}]{results.ratio(figures):.2f}[/]",
        f"{results.ratio(figures, compiled=True):.2f}",
        f"{figures.cpu * 1000:.0f}",
        f"{figures.peak:.0f}",
        str(figures.modules),
    )


def write_json(path: Path, results: Results) -> None:
    """Write everything that was measured, in seconds, MiB and bytes."""
    whole = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": results.rounds,
        "busy": results.busy,
        "bounds": {"ratio": LARGEST_RATIO, "decisionRatio": LARGEST_DECISION_RATIO, "layerBytes": LARGEST_LAYER},
        "usual": {"asDeployed": asdict(results.usual), "withBytecode": asdict(results.usual_compiled)},
        "cases": [
            {"function": case.function, "title": case.title, **asdict(figures), **_ratios(figures, results)}
            for case, figures in results.cases.items()
        ],
        "oneClient": asdict(results.one_client),
        "decisions": [
            {"function": case.function, **asdict(figures), "ratio": results.decision_ratio(figures)}
            for case, figures in results.decisions.items()
        ],
        "layer": {"bytes": results.layer.size, "packages": dict(results.layer.packages)},
        "warm": asdict(results.warm),
        "problems": results.problems(),
    }
    path.write_text(json.dumps(whole, indent=2) + "\n")


def _ratios(figures: Figures, results: Results) -> Mapping[str, float]:
    return {"ratio": results.ratio(figures), "ratioToCompiled": results.ratio(figures, compiled=True)}
