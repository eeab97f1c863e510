"""Measure the warm path: the shop's current token, served repeatedly from the cache."""

from dataclasses import dataclass

from benchmarks.built_artifacts import Build
from benchmarks.canned_server import CannedServer
from benchmarks.cases import Case
from benchmarks.errors import CannotMeasureError
from benchmarks.function_environment import FunctionEnvironments
from benchmarks.measured_process import measure

#: Seconds. A token stays in the cache for 30.
_DURATION = 2


@dataclass(frozen=True)
class WarmPath:
    """Hold the figures of the calls in one process after its first.

    `requests` counts all requests to the server, including the first call's.
    """

    calls: int
    per_second: float
    median_microseconds: float
    requests: dict[str, int]


def warm_path(case: Case, build: Build, server: CannedServer, environments: FunctionEnvironments) -> WarmPath:
    """Measure the warm path, and prove that it sends no request.

    In the process, any use of a socket is an error. The server counts requests over connections that the first call
    left open.
    """
    server.scene = case.scene
    server.requests.clear()
    folders = build.folders(case.function)
    run = measure(folders, case.event, environments.of(case.function), status=case.status, warm_seconds=_DURATION)
    asked = dict(server.requests)
    if asked != {"GetItem": 1}:
        raise CannotMeasureError(f"Warm calls were not served from memory: the server was asked {asked}.")
    calls = run.more["calls"]
    return WarmPath(calls, calls / run.more["seconds"], run.more["median"] * 1e6, asked)
