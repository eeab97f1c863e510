"""When a comparison of two commits' cold starts breaks a bound, and which commits it refuses."""

from collections.abc import Mapping, Sequence

import pytest

from benchmarks.canned_server import Scene
from benchmarks.cases import Case
from benchmarks.comparison import Comparison, PairedRuns, compare
from benchmarks.errors import CannotMeasureError
from benchmarks.measured_process import Measured
from benchmarks.other_commit import built_at

CASE = Case("a", "shopify/a", "A", False, 200, Scene(), "{}")
OTHER = Case("b", "shopify/b", "B", False, 200, Scene(), "{}")


def ran(cpu: float, *, wall: float | None = None, modules: int = 3) -> Measured:
    names = tuple(f"module_{number}" for number in range(modules))
    return Measured(init=0.0, first=wall or cpu, cpu=cpu, peak=40.0, modules=names)


def compared(old: Sequence[Measured], new: Sequence[Measured]) -> Comparison:
    return compare("abc", [CASE], lambda cases, _: dict.fromkeys(cases, (old, new)), rounds=3)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    # The machine slows down tenfold, and one round meets something else.
    comparison = compared([ran(1), ran(10), ran(1)], [ran(1.02), ran(10.2), ran(9)])

    assert comparison.pairs[0].wall == pytest.approx(1.02)
    assert comparison.problems() == []


@pytest.mark.parametrize(("new", "problems"), [(1.05, 0), (1.06, 1)])
def test_more_than_a_twentieth_more_time_breaks_the_bound(new: float, problems: int) -> None:
    assert len(compared([ran(1)], [ran(new)]).problems()) == problems


def test_processor_time_counts_where_something_else_kept_the_machine_busy() -> None:
    assert compared([ran(1)], [ran(1, wall=2)]).problems() == []


@pytest.mark.parametrize(("new", "problems"), [(8, 0), (9, 1)])
def test_more_than_five_added_modules_break_the_bound_and_are_named(new: int, problems: int) -> None:
    found = compared([ran(1)], [ran(1, modules=new)]).problems()

    assert len(found) == problems
    assert all("module_8" in problem and "module_2" not in problem for problem in found)


def test_only_a_slow_case_is_repeated_and_chance_breaks_no_bound() -> None:
    asked: list[tuple[list[Case], int]] = []

    def run(cases: Sequence[Case], rounds: int) -> Mapping[Case, PairedRuns]:
        unlucky = 1.0 if asked else 1.2
        asked.append((list(cases), rounds))
        return {case: ([ran(1)] * rounds, [ran(unlucky if case is CASE else 1)] * rounds) for case in cases}

    comparison = compare("abc", [CASE, OTHER], run, rounds=3)

    assert asked == [([CASE, OTHER], 3), ([CASE], 3), ([CASE], 6)]
    assert comparison.problems() == []


def test_an_unknown_commit_is_refused_by_name() -> None:
    with pytest.raises(CannotMeasureError, match="no commit not-a-commit"), built_at("not-a-commit"):
        pass
