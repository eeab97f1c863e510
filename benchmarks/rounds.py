"""Run interleaved rounds: every subject once in each, so that other work on the machine affects all equally."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from benchmarks.measured_process import Measured

#: Fewer rounds say nothing on a machine with other work.
FEWEST = 3


@dataclass(frozen=True)
class Figures:
    """Hold medians in seconds and MiB."""

    wall: float
    cpu: float
    peak: float
    modules: int
    loaded: tuple[str, ...]

    @classmethod
    def of(cls, runs: Sequence[Measured]) -> Self:
        """Return the medians of some runs."""
        return cls(
            wall=median(run.wall for run in runs),
            cpu=median(run.cpu for run in runs),
            peak=median(run.peak for run in runs),
            modules=runs[0].modules,
            loaded=runs[0].loaded,
        )


def interleaved[S](
    subjects: Sequence[S], run: Callable[[S], Measured], *, rounds: int, seconds: float, done: Callable[[int], None]
) -> Mapping[S, Sequence[Measured]]:
    """Return the runs of each subject, one for each round.

    No further round begins after `seconds`. One additional round runs first and is not counted, because it fills the
    file cache. Every second round goes backward.
    """
    until = time.monotonic() + seconds
    runs: dict[S, list[Measured]] = {subject: [] for subject in subjects}
    for subject in subjects:
        run(subject)
    done(0)
    counted = 0
    while counted < rounds and (counted < FEWEST or time.monotonic() < until):
        for subject in subjects if counted % 2 else reversed(subjects):
            runs[subject].append(run(subject))
        counted += 1
        done(counted)
    return runs
