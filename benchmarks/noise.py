"""Tell whether other work on the machine makes a run's figures worthless."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from benchmarks.measured_process import Measured

#: Wall time over processor time. The measured processes hardly wait on an idle machine.
LARGEST_WAIT = 1.2
#: The middle half of the rounds, from its lower end to its upper one, as a part of the median.
LARGEST_SPREAD = 0.15


def waiting(runs: Mapping[str, Sequence[Measured]]) -> list[str]:
    """Return a sentence for each subject whose processes waited. The runs have a full processor."""
    waits = {title: median(run.wall / run.cpu for run in of_one) for title, of_one in runs.items()}
    return [
        f"{title}: {wait:.2f} s passed for each second of processor time."
        for title, wait in waits.items()
        if wait > LARGEST_WAIT
    ]


def varying(times: Mapping[str, Sequence[float]]) -> list[str]:
    """Return a sentence for each subject whose times differ too much from round to round."""
    spreads = {title: _spread(of_one) for title, of_one in times.items()}
    return [
        f"{title}: half of the rounds differ by {spread:.0%} of the median."
        for title, spread in spreads.items()
        if spread > LARGEST_SPREAD
    ]


def _spread(times: Sequence[float]) -> float:
    lower, middle, upper = quantiles(times, n=4, method="inclusive")
    return (upper - lower) / middle
