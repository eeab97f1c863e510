"""Which runs show that other work kept the machine busy."""

from collections.abc import Sequence

import pytest

from benchmarks.measured_process import Measured
from benchmarks.noise import standard_error, waiting


@pytest.mark.parametrize(("walls", "signs"), [([1.1, 1.2, 1.2], 0), ([1.1, 1.1, 9.0], 0), ([1.1, 1.3, 1.3], 1)])
def test_a_median_round_that_waits_longer_than_it_computes_shows_other_work(walls: Sequence[float], signs: int) -> None:
    runs = [Measured(init=0.0, first=wall, cpu=1.0, peak=40.0, modules=()) for wall in walls]

    assert waiting({"floor": runs}) == ["floor: 1.30 s passed for each second of processor time."] * signs


@pytest.mark.parametrize(
    ("ours", "error"),
    [
        ([1.0, 1.1, 1.2, 1.3], 0.06),
        ([1.0, 1.1, 1.2, 1.3] * 4, 0.03),  # more rounds make the median more certain
        ([1.0, 1.0, 1.0, 1.0, 9.0], 0),  # a single round does not count
    ],
)
def test_a_ratio_is_as_uncertain_as_it_differs_from_round_to_round(ours: Sequence[float], error: float) -> None:
    assert standard_error(ours, [1.0] * len(ours)) == pytest.approx(error, abs=0.005)


def test_what_slows_both_down_alike_makes_no_ratio_uncertain() -> None:
    times = [1.0, 5.0, 2.0, 9.0]

    assert standard_error(times, times) == 0
