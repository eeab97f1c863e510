"""Define the bounds, and compare the figures with them."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.built_artifacts import Layer
from benchmarks.cases import Case
from benchmarks.rounds import Figures
from benchmarks.warm import WarmPath

#: Start to first response, as a part of the usual handler's.
LARGEST_RATIO = 0.45
#: Start to first decision of an authorizer, as a part of a function's that imports boto3 and makes one client.
LARGEST_DECISION_RATIO = 1.2
LARGEST_LAYER = 9 * 1024 * 1024
#: Wall time over processor time above which wall times say more about the machine than about the handler.
LARGEST_WAIT = 1.2


@dataclass(frozen=True)
class Results:
    """Hold the results of one run.

    `usual` is the usual handler as deployed, to which the bound refers. `usual_compiled` has bytecode.
    """

    rounds: int
    usual: Figures
    usual_compiled: Figures
    cases: Mapping[Case, Figures]
    one_client: Figures
    decisions: Mapping[Case, Figures]
    layer: Layer
    warm: WarmPath

    def problems(self) -> list[str]:
        """Return a sentence for each broken bound, with the place to look at."""
        return [*self._slow(), *self._slow_decisions(), *self._heavy(), *self._large()]

    @property
    def busy(self) -> bool:
        """Return whether other work slowed the machine down.

        On an idle machine, these processes hardly wait.
        """
        measured = (self.usual, self.usual_compiled, self.one_client)
        return any(figures.wall > LARGEST_WAIT * figures.cpu for figures in measured)

    def ratio(self, figures: Figures, *, compiled: bool = False) -> float:
        """Return the time as a part of the usual handler's.

        On a busy machine, this is processor time.
        """
        return self._part(figures, self.usual_compiled if compiled else self.usual)

    def decision_ratio(self, figures: Figures) -> float:
        """Return the time of an authorizer as a part of the one-client function's."""
        return self._part(figures, self.one_client)

    def slow_decision(self, figures: Figures) -> bool:
        """Return whether the authorizers' bound is broken."""
        return self.decision_ratio(figures) > LARGEST_DECISION_RATIO

    def _part(self, figures: Figures, whole: Figures) -> float:
        return figures.cpu / whole.cpu if self.busy else figures.wall / whole.wall

    def slow(self, figures: Figures) -> bool:
        """Return whether the bound is broken."""
        return self.ratio(figures) > LARGEST_RATIO

    def _slow(self) -> list[str]:
        return [
            f"{case.title}: {self.ratio(figures):.2f} of the usual handler, more than {LARGEST_RATIO}. "
            f"See what functions/{case.function} imports: docs/explanation/start-up-time.md says how."
            for case, figures in self.cases.items()
            if self.slow(figures)
        ]

    def _slow_decisions(self) -> list[str]:
        return [
            f"{case.title}: {self.decision_ratio(figures):.2f} of a function that imports boto3 and makes one client, "
            f"more than {LARGEST_DECISION_RATIO}. See what functions/{case.function} imports."
            for case, figures in self.decisions.items()
            if self.slow_decision(figures)
        ]

    def _heavy(self) -> list[str]:
        return [
            f"{case.title}: {name} was loaded, which this response does not need. "
            "Import it where it is used, or not at all."
            for case, figures in (*self.cases.items(), *self.decisions.items())
            for name in figures.loaded
            if name != "requests" or not case.asks_provider
        ]

    def _large(self) -> list[str]:
        if self.layer.size <= LARGEST_LAYER:
            return []
        largest, size = self.layer.packages[0]
        have, may = f"{self.layer.size / 2**20:.1f} MiB", LARGEST_LAYER // 2**20
        part = f"{largest} with {size / 2**20:.1f}"
        return [f"The layer has {have}, more than {may}; its largest part is {part}. See layers/token_broker/Makefile."]
