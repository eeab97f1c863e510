"""Tell whether other work on the machine makes a run's figures worthless."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles

from benchmarks.measured_process import Measured

#: Wall time over processor time. The measured processes hardly wait on an idle machine.
LARGEST_WAIT = 1.2
#: The middle half of the rounds, from its lower end to its upper one, as a part of the median.
LARGEST_SPREAD = 0.15


def noise(runs: Mapping[str, Sequence[Measured]]) -> list[str]:
    """Return a sentence for each sign of other work. The runs have a full processor."""
    return [sentence for title, of_one in runs.items() for sentence in _signs(title, of_one)]


def _signs(title: str, runs: Sequence[Measured]) -> list[str]:
    wait = median(run.wall / run.cpu for run in runs)
    lower, middle, upper = quantiles([run.wall for run in runs], n=4, method="inclusive")
    spread = (upper - lower) / middle
    return [
        *([f"{title}: {wait:.2f} s passed for each second of processor time."] if wait > LARGEST_WAIT else ()),
        *([f"{title}: half of the rounds differ by {spread:.0%} of the median."] if spread > LARGEST_SPREAD else ()),
    ]
