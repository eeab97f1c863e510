"""Define what is measured: our functions, and the handlers that they are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import peer_artifacts
from benchmarks.built_artifacts import Build
from benchmarks.cases import Case, cases
from benchmarks.decisions import decisions
from benchmarks.errors import CannotMeasureError
from benchmarks.function_environment import FunctionEnvironments
from benchmarks.other_commit import OtherCommit


@dataclass(frozen=True, eq=False)
class Subject:
    """Hold a case, answered by the code in these folders, in that environment."""

    case: Case
    folders: tuple[Path, ...]
    environment: Mapping[str, str]
    commit: str = "this checkout"


def ours(build: Build, environments: FunctionEnvironments, issuer: str) -> Sequence[Subject]:
    """Return a subject for each case of our functions."""
    return [
        Subject(case, build.folders(case.function), environments.of(case.function))
        for case in (*cases(), *decisions(issuer))
    ]


def at(other: OtherCommit, case: Case, environments: FunctionEnvironments) -> Subject:
    """Return the subject of a case at another commit. Raises `CannotMeasureError` if it lacks the function."""
    try:
        return Subject(case, other.build.folders(case.function), environments.of(case.function), other.name)
    except CannotMeasureError as fault:
        raise CannotMeasureError(f"In {other.name}: {fault}") from None


def peers(build: Build, environments: FunctionEnvironments, issuer: str) -> Sequence[Subject]:
    """Return the handlers that ours are compared with. Each does the work of one of our cases."""
    current, decision = cases()[0], decisions(issuer)[0]
    layer = build.layer_folder

    def subject(case: Case, key: str, title: str, *folders: Path) -> Subject:
        return Subject(replace(case, key=key, title=title), folders, environments.of(case.function))

    return [
        subject(current, "usual", "usual, as deployed", peer_artifacts.usual(bytecode=False)),
        subject(current, "usual-compiled", "usual, compiled", peer_artifacts.usual(bytecode=True)),
        subject(current, "floor", "floor: Powertools, one signed read", peer_artifacts.compiled("floor"), layer),
        subject(decision, "one-client", "authorizer with boto3, policy read", peer_artifacts.compiled("one_client")),
    ]


def warm(build: Build, environments: FunctionEnvironments) -> Sequence[tuple[Subject, int]]:
    """Return the subjects of warm calls, and how many requests one call of each sends."""
    current = cases()[0]
    layer, environment = build.layer_folder, environments.of(current.function)

    def subject(key: str, title: str, *folders: Path) -> Subject:
        return Subject(replace(current, key=key, title=title), folders, environment)

    one_line, read, by_botocore = map(peer_artifacts.compiled, ("one_line", "read", "read_by_botocore"))
    return [
        (subject("one-line", "one Powertools log line and one metric", one_line, layer), 0),
        (subject("memory", "Shopify current, from memory", *build.folders(current.function)), 0),
        (subject("read", "one read, ours", read, layer), 1),
        (subject("read-botocore", "one read, botocore's defaults", by_botocore), 1),
    ]
