"""`python -m benchmarks [--rounds N] [--json PATH]`: measure the built handlers against the usual one.

Exit status: 0 when every bound holds, 1 when one does not, 2 when something could not be measured.
"""

import argparse
import sys
import time
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
from benchmarks.decisions import decisions
from benchmarks.errors import CannotMeasureError
from benchmarks.function_environment import FunctionEnvironments
from benchmarks.measured_process import Measured, measure
from benchmarks.paths import ONE_CLIENT_HANDLER
from benchmarks.report import show, write_json
from benchmarks.rounds import interleaved
from benchmarks.warm import warm_path

#: Seconds after which no further round is begun.
_LONGEST = 60.0


@dataclass(frozen=True)
class _Subject:
    """What is measured: a case, answered by the code in these folders."""

    case: Case
    folders: tuple[Path, ...]


def _measured(build: Build, rounds: int, status: Status) -> Results:
    all_cases = cases()
    current = all_cases[0]
    status.update("Putting the usual handler together")
    usual = _Subject(current, (baseline_artifact(bytecode=False),))
    usual_compiled = _Subject(current, (baseline_artifact(bytecode=True),))
    one_client = _Subject(current, (ONE_CLIENT_HANDLER,))
    authorizers = decisions()
    ours = {case: _Subject(case, build.folders(case.function)) for case in (*all_cases, *authorizers)}
    with CannedServer() as server:
        environments = FunctionEnvironments(server.url)

        def run(subject: _Subject) -> Measured:
            case = subject.case
            server.scene = case.scene
            return measure(subject.folders, case.event, environments.of(case.function), status=case.status)

        began = time.monotonic()

        def done(count: int) -> None:
            status.update(f"Round {count} of {rounds} done after {time.monotonic() - began:.0f} s")

        subjects = [usual_compiled, *ours.values(), one_client, usual]
        figures, counted = interleaved(subjects, run, rounds=rounds, seconds=_LONGEST, done=done)
        warm = warm_path(current, build, server, environments)
    return Results(
        rounds=counted,
        usual=figures[usual],
        usual_compiled=figures[usual_compiled],
        cases={case: figures[ours[case]] for case in all_cases},
        one_client=figures[one_client],
        decisions={case: figures[ours[case]] for case in authorizers},
        layer=build.layer(),
        bytecode=build.bytecode(case.function for case in (*all_cases, *authorizers)),
        warm=warm,
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=_positive, default=9, help="rounds to run at most (default: 9)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write all figures there")
    arguments = parser.parse_args()
    console, complaints = Console(), Console(stderr=True)
    try:
        with complaints.status("Measuring") as status, built() as build:
            results = _measured(build, arguments.rounds, status)
    except CannotMeasureError as fault:
        complaints.print(f"[red]✗[/] {escape(str(fault))}", soft_wrap=True, highlight=False)
        return 2
    show(console, results)
    if arguments.json:
        write_json(arguments.json, results)
    problems = results.problems()
    for problem in problems:
        complaints.print(f"[red]✗[/] {escape(problem)}", soft_wrap=True, highlight=False)
    return 1 if problems else 0


sys.exit(main())
