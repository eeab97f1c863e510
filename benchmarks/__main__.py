"""`python -m benchmarks [--rounds N] [--keep-noisy | --against COMMIT]`: measure the built handlers.

They are compared with the usual handler and the floor, or with the handlers of another commit.

The exit status is 0 if every target and bound holds, and 1 if one does not. It is 2 if something could not be measured,
and 3 if other work on the machine withholds the verdict. The results are written only if everything was measured.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from benchmarks import latency, subjects
from benchmarks.built_artifacts import Build, built
from benchmarks.canned_server import CannedServer
from benchmarks.cases import Case
from benchmarks.comparison import Comparison, PairedRuns, compare
from benchmarks.comparison_report import show_comparison
from benchmarks.errors import CannotMeasureError
from benchmarks.function_environment import FunctionEnvironments
from benchmarks.modules import superfluous
from benchmarks.noise import standard_error, waiting
from benchmarks.other_commit import OtherCommit, built_at
from benchmarks.own_stack import own_stack
from benchmarks.paths import RESULTS
from benchmarks.processor_share import control_group, share_of
from benchmarks.report import tables, write
from benchmarks.results import Results, Start
from benchmarks.starts import Starts, check_same_answers
from benchmarks.targets import missed, oversized, targets, undecided
from benchmarks.warm import Warm, warm_blocks

_ROUNDS, _ROUNDS_COMPARED = 15, 9
#: Seconds after which no further round is begun.
_LONGEST = 240.0
#: The same for a comparison, and for each of its repeats.
_LONGEST_COMPARISON = 120.0
#: Their runs show whether other work disturbed the measurement. More rounds of them make their ratios more certain.
_WATCHED = ("floor", "one-client", "shopify-current", "shop-authorizer", "proof-authorizer")
_MORE, _LONGEST_MORE = 3, 90.0
#: The ratios with targets, by the keys of fresh processes and of warm calls.
_COMPARED = (
    ("shopify-current", "floor"),
    ("shop-authorizer", "one-client"),
    ("proof-authorizer", "one-client"),
    ("memory", "one-line"),
    ("read", "read-botocore"),
)


class _Progress:
    """Tell people what is being done, and how long each part took."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self.say = status.update

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.say(name)
        yield
        self._console.print(f"{name}: {time.monotonic() - began:.0f} s", highlight=False)


def _measured(build: Build, rounds: int, progress: _Progress) -> tuple[Results, list[str]]:
    """Return the figures, and a sentence for each broken bound that other work cannot break."""
    with CannedServer() as server, ExitStack() as stack:
        environments = FunctionEnvironments(server.url)
        share = share_of(environments.memory)
        try:
            group, unlimited = stack.enter_context(control_group(share)), ""
        except CannotMeasureError as refused:
            group, unlimited = None, str(refused)
        starts = Starts(server, progress.say)
        own = subjects.ours(build, environments, server.url)
        with progress.part("Fresh processes"):
            everyone = [*subjects.peers(build, environments, server.url), *own]
            found = dict(starts.rounds(everyone, rounds, _LONGEST, group))
        with progress.part("More of those with targets"):
            compared = [each for each in everyone if each.case.key in _WATCHED]
            for subject, more in starts.rounds(compared, rounds * _MORE, _LONGEST_MORE).items():
                found[subject] = found[subject].and_(more)
        runs = {subject.case.key: of_one for subject, of_one in found.items()}
        check_same_answers(runs, "usual", "usual-compiled", "floor")
        with progress.part("Warm calls"):
            asked = subjects.warm(build, environments)
            powertools = starts.once(asked[0][0]).modules
            blocks = warm_blocks(asked, server)
    watched = {key: runs[key].full for key in _WATCHED}
    times = {**{key: [run.wall for run in of_one] for key, of_one in watched.items()}, **blocks}
    with progress.part("Latency on a local stack"):
        latencies, missing = _latency()
    results = Results(
        rounds=len(runs["usual"].full),
        share=share,
        unlimited=unlimited,
        starts={each.case.key: Start.of(each.case.title, *found[each]) for each in everyone},
        warm={each.case.key: Warm.of(each.case.title, blocks[each.case.key]) for each, _ in asked},
        latency=latencies,
        errors=_errors(times, latencies),
        noise=waiting(watched),
        missing=missing,
    )
    floor = len(runs["floor"].full[0].modules)
    heavy = [
        problem
        for subject in own
        for problem in superfluous(subject.case, found[subject].full[0].modules, floor=floor, powertools=powertools)
    ]
    return results, heavy + oversized(build.layer())


def _errors(times: Mapping[str, Sequence[float]], latencies: Sequence[latency.Latency]) -> dict[str, float]:
    """Return the standard error of each ratio that has a target, by the keys of both sides."""
    pairs = {f"{one} ÷ {other}": (times[one], times[other]) for one, other in _COMPARED}
    slices = {each.function: each.rounds_ms for each in latencies if each.clients == 8}
    if slices:
        pairs[f"{latency.SHOP_TOKEN} ÷ {latency.ONE_LINE}"] = slices[latency.SHOP_TOKEN], slices[latency.ONE_LINE]
    return {name: standard_error(*pair) for name, pair in pairs.items()}


def _latency() -> tuple[Sequence[latency.Latency], list[str]]:
    """Return the figures, or why there are none."""
    try:
        with own_stack() as folder:
            return latency.measure(folder), []
    except CannotMeasureError as fault:
        return (), [f"Latency was not measured. {fault}"]


def _compared(build: Build, other: OtherCommit, rounds: int, progress: _Progress) -> Comparison:
    with CannedServer() as server:
        here, there = FunctionEnvironments(server.url), FunctionEnvironments(server.url, other.project)
        starts = Starts(server, progress.say)
        new = subjects.ours(build, here, server.url)
        pairs = {each.case: (subjects.at(other, each.case, there), each) for each in new}

        def measured(asked: Sequence[Case], count: int) -> Mapping[Case, PairedRuns]:
            both = [subject for case in asked for subject in pairs[case]]
            runs = starts.rounds(both, count, _LONGEST_COMPARISON)
            return {case: (runs[pairs[case][0]].full, runs[pairs[case][1]].full) for case in asked}

        return compare(other.name, list(pairs), measured, rounds)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    help_rounds = f"rounds to run at most (default: {_ROUNDS}, or {_ROUNDS_COMPARED} against a commit)"
    parser.add_argument("--rounds", type=_positive, help=help_rounds)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--keep-noisy", action="store_true", help="write the results of a noisy machine, too")
    either.add_argument("--against", metavar="COMMIT", help="compare with the handlers of this commit")
    arguments = parser.parse_args()
    complaints = Console(stderr=True)
    try:
        with complaints.status("Measuring") as status, built() as build:
            progress = _Progress(complaints, status)
            if arguments.against is not None:
                status.update(f"Building {arguments.against}")
                with built_at(arguments.against) as other:
                    comparison = _compared(build, other, arguments.rounds or _ROUNDS_COMPARED, progress)
                show_comparison(Console(), comparison)
                return _complain(complaints, comparison.problems(), 1)
            results, broken = _measured(build, arguments.rounds or _ROUNDS, progress)
    except CannotMeasureError as fault:
        return _complain(complaints, [str(fault)], 2)
    return _reported(complaints, results, broken, keep_noisy=arguments.keep_noisy)


def _reported(complaints: Console, results: Results, broken: list[str], *, keep_noisy: bool) -> int:
    """Print everything, write the results where they are whole, and return the exit status."""
    compared = targets(results)
    print(tables(results, compared))
    if not results.missing and (keep_noisy or not results.noise):
        write(RESULTS, results, compared)
    status = _complain(complaints, [] if results.noise else missed(compared), 1)
    status = _complain(complaints, broken, 1) or status
    doubts = results.noise or undecided(compared)
    status = status or _complain(complaints, doubts, 3)
    return _complain(complaints, results.missing, 2) or status


def _complain(complaints: Console, problems: Sequence[str], status: int) -> int:
    """Print the problems, and return the status if there are any, else 0."""
    for problem in problems:
        complaints.print(f"[red]✗[/] {escape(problem)}", soft_wrap=True, highlight=False)
    return status if problems else 0


if __name__ == "__main__":
    sys.exit(main())
