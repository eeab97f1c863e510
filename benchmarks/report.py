"""Show the results to people, and write them as files."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from benchmarks.plot import Bar, drawn
from benchmarks.results import OURS, USUAL, Results, machine, today, versions
from benchmarks.targets import Target

_WIDEST = 140
NOISY = "Other work on this machine withholds the verdict. Measure again when it is idle."


def tables(results: Results, compared: Sequence[Target]) -> str:
    """Return all tables as Markdown."""
    text = io.StringIO()
    console = Console(file=text, width=_WIDEST, color_system=None, markup=False)
    verdict = _targets(compared, withheld=bool(results.noise))
    why = [NOISY] if results.noise else []
    for part in (_headline(results), _starts(results), _warm(results), _latency(results), verdict, *why):
        console.print(part, soft_wrap=isinstance(part, str))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip().replace("\n\n\n", "\n\n") + "\n"


def write(folder: Path, results: Results, compared: Sequence[Target]) -> None:
    """Write figures.json, table.md and plot.svg into the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(_document(results, compared), indent=2) + "\n")
    head = f"# Start-up and calls, measured\n\n{_conditions(results)}. `make bench` writes this page.\n\n"
    (folder / "table.md").write_text(head + tables(results, compared))
    (folder / "plot.svg").write_text(_picture(results))


def _document(results: Results, compared: Sequence[Target]) -> dict[str, object]:
    return {
        "measured": today(),
        "machine": machine(),
        "versions": versions(),
        "rounds": results.rounds,
        "noisy": bool(results.noise),
        "share": round(results.share, 3),
        "first_request_ms": {
            name: None if pair is None else round(sum(pair), 1)
            for name, pair in (("ours", results.first_request(OURS)), ("usual", results.first_request(USUAL)))
        },
        "starts": {key: _rounded(each._asdict() | {"start_ms": each.start_ms}) for key, each in results.starts.items()},
        "warm": {key: _rounded(each._asdict()) for key, each in results.warm.items()},
        "latency": [_rounded(each._replace(rounds_ms=())._asdict()) for each in results.latency],
        "targets": [
            _rounded(
                {
                    "what": each.what,
                    "ratio": each.ratio,
                    "standard_error": each.error,
                    "target": each.target,
                    "met": _met(each, results),
                }
            )
            for each in compared
        ],
    }


def _rounded(values: dict[str, object]) -> dict[str, object]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}


def _met(target: Target, results: Results) -> bool | None:
    return None if results.noise else target.met


def _conditions(results: Results) -> str:
    here, found = machine(), versions()
    packages = [f"{name} {version}" for name, version in found.items() if name != "python"]
    busy = ["on a busy machine"] if results.noise else []
    cores = f"{here['cores']} cores of {here['processor']}"
    return ", ".join([today(), cores, f"Python {found['python']}", *packages, f"{results.rounds} rounds", *busy])


def _headline(results: Results) -> str:
    pairs = results.first_request(OURS), results.first_request(USUAL)
    if pairs[0] is None or pairs[1] is None:
        return f"A storefront's first request was not measured. {results.unlimited}"
    ours, usual = sum(pairs[0]), sum(pairs[1])
    return (
        f"**A storefront's first request, authorizer and function in a row: {ours:.0f} ms.** The usual pair, compiled, "
        f"takes {usual:.0f} ms, so ours takes {ours / usual:.2f} of it. INIT has a full processor, and "
        f"the first invocation has {results.share:.3f} of one, as with 512 MB on Lambda."
    )


def _table(*heads: str) -> Table:
    table = Table(box=MARKDOWN, pad_edge=True)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    return table


def _starts(results: Results) -> Table:
    peers = {"usual": "÷ usual", "usual-compiled": "÷ compiled", "floor": "÷ floor"}
    rest = ("INIT", "first", f"first at {results.share:.2f}", "cpu ms", "MiB", "modules")
    table = _table("fresh process", "ms", *peers.values(), *rest)
    for each in results.starts.values():
        shared = each.first_at_share_ms
        table.add_row(
            each.title,
            f"{each.start_ms:.0f}",
            *(f"{each.start_ms / results.starts[peer].start_ms:.2f}" for peer in peers),
            f"{each.init_ms:.0f}",
            f"{each.first_ms:.1f}",
            "" if shared is None else f"{shared:.1f}",
            f"{each.cpu_ms:.0f}",
            f"{each.peak_mib:.0f}",
            str(each.modules),
        )
    return table


def _warm(results: Results) -> Table:
    table = _table("warm call", "µs")
    for each in results.warm.values():
        table.add_row(each.title, f"{each.us:.0f}")
    return table


def _latency(results: Results) -> Table:
    table = _table("local stack", "clients", "p50 ms", "p95 ms", "calls a second")
    for each in results.latency:
        cells = f"{each.p50_ms:.1f}", f"{each.p95_ms:.1f}", f"{each.per_second:.0f}"
        table.add_row(each.function, str(each.clients), *cells)
    return table


def _targets(compared: Sequence[Target], *, withheld: bool) -> Table:
    table = _table("ratio of medians", "ratio", "±", "target", "met")
    for each in compared:
        ratio = "not measured" if each.ratio is None else f"{each.ratio:.2f}"
        target = "for context" if each.target is None else f"≤ {each.target}"
        verdict = "withheld" if withheld else "undecided" if each.undecided else "yes" if each.met else "no"
        nothing = each.ratio is None or each.target is None
        error = f"{each.error:.0%}" if each.error else ""
        table.add_row(each.what, ratio, error, target, "" if nothing else verdict)
    return table


def _picture(results: Results) -> str:
    named = (
        ("first request, authorizer and function: usual", USUAL),
        ("first request, authorizer and function: ours", OURS),
    )
    rows = [Bar(name, pair) for name, keys in named if (pair := results.first_request(keys))]
    rows += [Bar(each.title, (each.init_ms, each.first_ms)) for each in results.starts.values()]
    first = f"first invocation (of first requests, with {results.share:.2f} of a processor)"
    return drawn("A fresh process until its first answer, in ms", _conditions(results), ("INIT", first), rows)
