"""Show the comparison of two commits to people."""

from statistics import median

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import LARGEST_GROWTH, MOST_MODULES_ADDED, Comparison


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
            f"{pair.new.start_ms:.0f}",
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
