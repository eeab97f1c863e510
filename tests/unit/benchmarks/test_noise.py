"""Which runs show that other work kept the machine busy."""

from collections.abc import Sequence

import pytest

from benchmarks.measured_process import Measured
from benchmarks.noise import uncertain, waiting


@pytest.mark.parametrize(("walls", "signs"), [([1.1, 1.2, 1.2], 0), ([1.1, 1.1, 9.0], 0), ([1.1, 1.3, 1.3], 1)])
def test_a_median_round_that_waits_longer_than_it_computes_shows_other_work(walls: Sequence[float], signs: int) -> None:
    runs = [Measured(init=0.0, first=wall, cpu=1.0, peak=40.0, modules=()) for wall in walls]

    assert waiting({"floor": runs}) == ["floor: 1.30 s passed for each second of processor time."] * signs


@pytest.mark.parametrize(
    ("ours", "error"),
    [
        ([1.0, 1.1, 1.2, 1.3], 6),
        ([1.0, 1.02, 1.05, 1.1], 0),
        ([1.0, 1.0, 1.0, 1.0, 9.0], 0),
        ([1.0, 1.1, 1.2, 1.3] * 4, 0),
    ],
)
def test_ratios_that_differ_from_round_to_round_show_other_work(ours: Sequence[float], error: int) -> None:
    """A single round does not, and more rounds make the median more certain."""
    sentence = f"a ÷ b: the ratio of the medians has a standard error of {error}%."

    assert uncertain({"a ÷ b": (ours, [1.0] * len(ours))}) == ([sentence] if error else [])


def test_what_slows_both_down_alike_is_no_sign() -> None:
    times = [1.0, 5.0, 2.0, 9.0]

    assert uncertain({"a ÷ b": (times, times)}) == []
