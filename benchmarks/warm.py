"""Measure warm calls: blocks of calls of several processes alternate, so that other work affects all equally."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple, Self

from benchmarks.canned_server import CannedServer
from benchmarks.errors import CannotMeasureError
from benchmarks.measured_process import FreshProcess
from benchmarks.subjects import Subject

#: Seconds of a block. All blocks of four subjects take 13 s, and a token stays in our cache for 30.
_BLOCK = 0.05
_BLOCKS = 64


class Warm(NamedTuple):
    """Hold the median of a warm call in microseconds."""

    title: str
    us: float

    @classmethod
    def of(cls, title: str, blocks: Sequence[float]) -> Self:
        """Return the median of the blocks' medians in seconds."""
        return cls(title, median(blocks) * 1e6)


def warm_blocks(subjects: Sequence[tuple[Subject, int]], server: CannedServer) -> Mapping[str, Sequence[float]]:
    """Return the median seconds of a call in each block, by the keys of the subjects.

    Each subject stands beside the number of requests that one of its calls sends. All of them have the same scene.
    Raises `CannotMeasureError` if one sends more or fewer requests.
    """
    server.scene = subjects[0][0].case.scene
    medians: dict[str, list[float]] = {subject.case.key: [] for subject, _ in subjects}
    with ExitStack() as stack:
        running = []
        for subject, requests in subjects:
            process = FreshProcess(subject.folders, subject.case.event, subject.environment)
            stack.enter_context(process).first(subject.case.status)
            running.append((subject.case, requests, process))
        for number in range(_BLOCKS):
            for case, requests, process in running if number % 2 else reversed(running):
                before = server.requests.total()
                calls, seconds = process.again(_BLOCK)
                sent = server.requests.total() - before
                if sent != calls * requests:
                    raise CannotMeasureError(f"{case.title}: {calls} warm calls sent {sent} requests.")
                medians[case.key].append(seconds)
    return medians
