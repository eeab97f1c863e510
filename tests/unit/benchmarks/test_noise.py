"""Which runs show that other work kept the machine busy."""

from collections.abc import Sequence

import pytest

from benchmarks.measured_process import Measured
from benchmarks.noise import varying, waiting


@pytest.mark.parametrize(("walls", "signs"), [([1.1, 1.2, 1.2], 0), ([1.1, 1.1, 9.0], 0), ([1.1, 1.3, 1.3], 1)])
def test_a_median_round_that_waits_longer_than_it_computes_shows_other_work(walls: Sequence[float], signs: int) -> None:
    runs = [Measured(init=0.0, first=wall, cpu=1.0, peak=40.0, modules=()) for wall in walls]

    assert waiting({"floor": runs}) == ["floor: 1.30 s passed for each second of processor time."] * signs


@pytest.mark.parametrize(
    ("times", "signs"), [([1.0, 1.02, 1.05, 1.1], 0), ([1.0, 1.0, 1.0, 1.0, 9.0], 0), ([1.0, 1.2, 1.0, 1.2], 1)]
)
def test_rounds_that_differ_show_other_work_but_a_single_one_does_not(times: Sequence[float], signs: int) -> None:
    assert varying({"floor": times}) == ["floor: half of the rounds differ by 18% of the median."] * signs
