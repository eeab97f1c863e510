"""Run interleaved rounds: every subject once in each, so that other work on the machine affects all equally."""

import time
from collections.abc import Callable, Mapping, Sequence

#: Fewer rounds say nothing on a machine with other work.
FEWEST = 3


def interleaved[S, R](
    subjects: Sequence[S], run: Callable[[S], R], *, rounds: int, seconds: float, done: Callable[[int], None]
) -> Mapping[S, Sequence[R]]:
    """Return what each subject's runs returned, one for each round.

    No further round begins after `seconds`. One additional round runs first and is not counted, because it fills the
    file cache. Every second round goes backward.
    """
    until = time.monotonic() + seconds
    runs: dict[S, list[R]] = {subject: [] for subject in subjects}
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
