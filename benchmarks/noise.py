"""Tell whether other work on the machine makes a run's figures worthless."""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import median, quantiles

from benchmarks.measured_process import Measured

#: Wall time over processor time. The measured processes hardly wait on an idle machine.
LARGEST_WAIT = 1.2


def waiting(runs: Mapping[str, Sequence[Measured]]) -> list[str]:
    """Return a sentence for each subject whose processes waited. The runs have a full processor."""
    waits = {title: median(run.wall / run.cpu for run in of_one) for title, of_one in runs.items()}
    return [
        f"{title}: {wait:.2f} s passed for each second of processor time."
        for title, wait in waits.items()
        if wait > LARGEST_WAIT
    ]


def standard_error(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return the standard error of a ratio of medians, as a part of the ratio. Both have a time of each round.

    What slows the machine down for a while affects both. If ratios have a normal distribution, the standard error of
    their median is 1.25 / √n of a deviation, and their middle half is 1.35 deviations wide.
    """
    ratios = [one / other for one, other in zip(ours, others, strict=True)]
    lower, middle, upper = quantiles(ratios, n=4, method="inclusive")
    return 1.25 / 1.35 * (upper - lower) / middle / sqrt(len(ratios))
