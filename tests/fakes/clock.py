"""A clock that stands still until somebody moves it: no test ever waits."""

from collections.abc import Callable

#: An ordinary moment, in Unix seconds.
NOW = 1_800_000_000.0


class MovableClock:
    """Wall and monotonic time move together. `sleep` moves them, notes the wait, and lets what was planned happen."""

    def __init__(self, now: float = NOW) -> None:
        self._now = now
        self._monotonic = 5_000.0
        self._plans: list[tuple[float, Callable[[], object]]] = []
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move on, and do what was planned for the moments that are reached, in their order."""
        end = self._monotonic + seconds
        start = self._now - self._monotonic
        while due := [plan for plan in self._plans if plan[0] <= end]:
            plan = min(due, key=lambda each: each[0])
            self._plans.remove(plan)
            self._monotonic = max(self._monotonic, plan[0])
            self._now = start + self._monotonic
            plan[1]()
        self._monotonic = end
        self._now = start + end

    def plan(self, seconds: float, action: Callable[[], object]) -> None:
        """Have something happen that many seconds from now, while somebody waits."""
        self._plans.append((self._monotonic + seconds, action))
