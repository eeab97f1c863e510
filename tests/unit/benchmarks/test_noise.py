"""Which runs show that other work kept the machine busy."""

from collections.abc import Sequence

import pytest

from benchmarks.measured_process import Measured
from benchmarks.noise import noise


def runs(walls: Sequence[float], waiting: float = 1.0) -> list[Measured]:
    return [Measured(init=0.0, first=wall * waiting, cpu=wall, peak=40.0, modules=()) for wall in walls]


@pytest.mark.parametrize(
    ("of_one", "sign"),
    [
        pytest.param(runs([1.0, 1.02, 1.05, 1.1]), None, id="quiet"),
        pytest.param(runs([1.0, 1.0, 1.0, 1.0, 9.0]), None, id="one round that met something else"),
        pytest.param(runs([1.0, 1.02, 1.05, 1.1], waiting=1.3), "1.30 s passed for each second", id="waits"),
        pytest.param(runs([1.0, 1.3, 1.0, 1.3]), "half of the rounds differ by", id="spread"),
    ],
)
def test_runs_that_wait_or_differ_show_other_work(of_one: list[Measured], sign: str | None) -> None:
    found = noise({"floor": of_one})

    assert len(found) == (0 if sign is None else 1)
    assert all(sentence.startswith("floor: ") and str(sign) in sentence for sentence in found)
