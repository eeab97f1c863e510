"""Compare two commits: what each case costs at both, and whether the newer one keeps to the bounds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

from benchmarks.cases import Case
from benchmarks.measured_process import Measured
from benchmarks.noise import LARGEST_WAIT
from benchmarks.results import Start

#: Start to first answer, as a multiple of the other commit's.
LARGEST_GROWTH = 1.05
MOST_MODULES_ADDED = 5
_MODULES_NAMED = 10
#: How many times the rounds are run, one step after the other. Only the first step has all cases.
_STEPS = (1, 1, 2, 4)

#: A case's runs at the other commit and here, one of each in a round.
type PairedRuns = tuple[Sequence[Measured], Sequence[Measured]]


@dataclass(frozen=True)
class Pair:
    """Hold one case at the other commit and here.

    `cpu` and `wall` are the medians of the rounds' ratios, new by old. `added` has the modules that only the new one
    loads.
    """

    case: Case
    rounds: int
    old: Start
    new: Start
    cpu: float
    wall: float
    added: tuple[str, ...]

    @classmethod
    def of(cls, case: Case, old: Sequence[Measured], new: Sequence[Measured]) -> Self:
        """Return the pair of some rounds' runs, in the order of the rounds."""
        rounds = list(zip(old, new, strict=True))
        return cls(
            case,
            rounds=len(rounds),
            old=Start.of(case.title, old, ()),
            new=Start.of(case.title, new, ()),
            cpu=median(after.cpu / before.cpu for before, after in rounds),
            wall=median(after.wall / before.wall for before, after in rounds),
            added=tuple(sorted(set(new[0].modules) - set(old[0].modules))),
        )

    @property
    def more_modules(self) -> int:
        """Return how many modules more the new one loads, or a negative number if it loads fewer."""
        return self.new.modules - self.old.modules


@dataclass(frozen=True)
class Comparison:
    """Hold all of one run against `commit`."""

    commit: str
    pairs: tuple[Pair, ...]

    @property
    def busy(self) -> bool:
        """Return whether other work kept the machine busy."""
        return any(each.start_ms > LARGEST_WAIT * each.cpu_ms for pair in self.pairs for each in (pair.old, pair.new))

    def growth(self, pair: Pair) -> float:
        """Return the ratio to which the bound refers: wall time, or processor time on a busy machine."""
        return pair.cpu if self.busy else pair.wall

    def slow(self, pair: Pair) -> bool:
        """Tell whether the bound of the time is broken."""
        return self.growth(pair) > LARGEST_GROWTH

    def heavy(self, pair: Pair) -> bool:
        """Tell whether the bound of the modules is broken."""
        return pair.more_modules > MOST_MODULES_ADDED

    def problems(self) -> list[str]:
        """Return a sentence for each broken bound; empty when all is well."""
        slow = [
            f"{pair.case.title}: {self.growth(pair):.3f} times the {'processor' if self.busy else 'wall'} time of "
            f"{self.commit}, more than {LARGEST_GROWTH}. "
            f"See what functions/{pair.case.function} imports: docs/explanation/start-up-time.md says how."
            for pair in self.pairs
            if self.slow(pair)
        ]
        heavy = [
            f"{pair.case.title}: {pair.more_modules} modules more than at {self.commit}, and {MOST_MODULES_ADDED} are "
            f"allowed. New: {', '.join(pair.added[:_MODULES_NAMED])}{' …' * (len(pair.added) > _MODULES_NAMED)}."
            for pair in self.pairs
            if self.heavy(pair)
        ]
        return slow + heavy


def compare(
    commit: str, cases: Sequence[Case], run: Callable[[Sequence[Case], int], Mapping[Case, PairedRuns]], rounds: int
) -> Comparison:
    """Compare all cases, and repeat those that are too slow until all their rounds together keep to the bound.

    On a machine that does other things too, a median of few rounds breaks the bound by chance. `run` is given cases and
    a number of rounds.
    """
    runs: dict[Case, PairedRuns] = dict.fromkeys(cases, ((), ()))
    comparison, doubtful = Comparison(commit, ()), cases
    for times in _STEPS:
        for case, (old, new) in run(doubtful, times * rounds).items():
            runs[case] = (*runs[case][0], *old), (*runs[case][1], *new)
        comparison = Comparison(commit, tuple(Pair.of(case, *both) for case, both in runs.items()))
        doubtful = [pair.case for pair in comparison.pairs if comparison.slow(pair)]
        if not doubtful:
            break
    return comparison
