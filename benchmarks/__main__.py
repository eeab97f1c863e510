"""`python -m benchmarks [--rounds N] [--json PATH | --against COMMIT]`: measure the built handlers.

They are compared with the usual handler, or with the handlers of another commit.

Exit status: 0 when every bound holds, 1 when one does not, 2 when something could not be measured.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from benchmarks.baseline_artifact import baseline_artifact
from benchmarks.bounds import Results
from benchmarks.built_artifacts import Build, built
from benchmarks.canned_server import CannedServer
from benchmarks.cases import Case, cases
from benchmarks.comparison import Comparison, Runs, compare
from benchmarks.decisions import decisions
from benchmarks.errors import CannotMeasureError
from benchmarks.function_environment import FunctionEnvironments
from benchmarks.measured_process import Measured, measure
from benchmarks.other_commit import OtherCommit, built_at
from benchmarks.paths import ONE_CLIENT_HANDLER
from benchmarks.report import show, show_comparison, write_json
from benchmarks.rounds import Figures, interleaved
from benchmarks.warm import warm_path

#: Seconds after which no further round is begun.
_LONGEST = 60.0
#: The same for a comparison, whose rounds are longer, and for each of its repeats.
_LONGEST_COMPARISON = 120.0


@dataclass(frozen=True, eq=False)
class _Subject:
    """What is measured: a case, answered by the code in these folders, in that environment."""

    case: Case
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    commit: str = "this checkout"


def _rounds(
    server: CannedServer, subjects: Sequence[_Subject], rounds: int, status: Status, seconds: float = _LONGEST
) -> Mapping[_Subject, Sequence[Measured]]:
    began = time.monotonic()

    def run(subject: _Subject) -> Measured:
        case = subject.case
        server.scene = case.scene
        with _named(subject.commit):
            return measure(subject.folders, case.event, subject.environment, status=case.status)

    def done(count: int) -> None:
        status.update(f"Round {count} of {rounds} done after {time.monotonic() - began:.0f} s")

    return interleaved(subjects, run, rounds=rounds, seconds=seconds, done=done)


@contextmanager
def _named(commit: str) -> Iterator[None]:
    """Name the commit in each complaint."""
    try:
        yield
    except CannotMeasureError as fault:
        raise CannotMeasureError(f"In {commit}: {fault}") from None


def _measured(build: Build, rounds: int, status: Status) -> Results:
    all_cases = cases()
    current = all_cases[0]
    status.update("Putting the usual handler together")
    folders = (baseline_artifact(bytecode=False),), (baseline_artifact(bytecode=True),), (ONE_CLIENT_HANDLER,)
    authorizers = decisions()
    with CannedServer() as server:
        environments = FunctionEnvironments(server.url)
        environment = environments.of(current.function)
        usual, usual_compiled, one_client = (_Subject(current, each, environment) for each in folders)
        ours = {
            case: _Subject(case, build.folders(case.function), environments.of(case.function))
            for case in (*all_cases, *authorizers)
        }
        runs = _rounds(server, [usual_compiled, *ours.values(), one_client, usual], rounds, status)
        warm = warm_path(current, build, server, environments)
    figures = {subject: Figures.of(of_one) for subject, of_one in runs.items()}
    return Results(
        rounds=len(runs[usual]),
        usual=figures[usual],
        usual_compiled=figures[usual_compiled],
        cases={case: figures[ours[case]] for case in all_cases},
        one_client=figures[one_client],
        decisions={case: figures[ours[case]] for case in authorizers},
        layer=build.layer(),
        warm=warm,
    )


def _compared(build: Build, other: OtherCommit, rounds: int, status: Status) -> Comparison:
    with CannedServer() as server:
        here, there = FunctionEnvironments(server.url), FunctionEnvironments(server.url, other.project)

        def pair_of(case: Case) -> tuple[_Subject, _Subject]:
            function = case.function
            with _named(other.name):
                old = _Subject(case, other.build.folders(function), there.of(function), other.name)
            return old, _Subject(case, build.folders(function), here.of(function))

        pairs = {case: pair_of(case) for case in (*cases(), *decisions())}

        def measured(asked: Sequence[Case], count: int) -> Mapping[Case, Runs]:
            subjects = [subject for case in asked for subject in pairs[case]]
            runs = _rounds(server, subjects, count, status, _LONGEST_COMPARISON)
            return {case: (runs[pairs[case][0]], runs[pairs[case][1]]) for case in asked}

        return compare(other.name, list(pairs), measured, rounds)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_positive, default=9, help="rounds to run at most (default: 9)")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", type=Path, metavar="PATH", help="also write all figures there")
    either.add_argument("--against", metavar="COMMIT", help="compare with the handlers of this commit")
    arguments = parser.parse_args()
    console, complaints = Console(), Console(stderr=True)
    try:
        with complaints.status("Measuring") as status, built() as build:
            results: Results | Comparison
            if arguments.against:
                status.update(f"Building {arguments.against}")
                with built_at(arguments.against) as other:
                    results = _compared(build, other, arguments.rounds, status)
            else:
                results = _measured(build, arguments.rounds, status)
    except CannotMeasureError as fault:
        complaints.print(f"[red]✗[/] {escape(str(fault))}", soft_wrap=True, highlight=False)
        return 2
    if isinstance(results, Comparison):
        show_comparison(console, results)
    else:
        show(console, results)
        if arguments.json:
            write_json(arguments.json, results)
    problems = results.problems()
    for problem in problems:
        complaints.print(f"[red]✗[/] {escape(problem)}", soft_wrap=True, highlight=False)
    return 1 if problems else 0


sys.exit(main())
