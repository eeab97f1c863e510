"""Deadlines, and the machine's own clock."""

import time

import pytest

from tests.fakes.clock import MovableClock
from token_broker.clock import Deadline, SystemClock


def test_a_deadline_runs_down_to_nothing_and_a_part_is_never_longer_than_the_whole() -> None:
    clock = MovableClock()
    deadline = Deadline.after(clock, 10)

    assert (deadline.left(), deadline.within(15).left(), deadline.within(5).left()) == (10, 10, 5)
    clock.advance(7)
    assert (deadline.left(), deadline.within(2).left(), deadline.within(5).left()) == (3, 2, 3)
    clock.advance(100)
    assert deadline.left() == 0


class Machine:
    """The machine's two clocks, each to be moved by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.monotonic = 12.5, 3.25
        self.slept: list[float] = []
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(time, "sleep", self.slept.append)


@pytest.mark.parametrize(
    ("steps", "passed"),
    [
        ([(1, 1)], 1),
        ([(3600, 0)], 3600),  # Lambda's freeze: the monotonic clock stands still
        ([(-3600, 5)], 5),  # the wall clock is set back
        ([(3600, 0), (-3600, 5)], 3605),  # it leapt ahead, and was put right
    ],
)
def test_the_systems_clock_goes_on_with_either_clock_of_the_machine(
    steps: list[tuple[float, float]], passed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    clock = SystemClock()
    before = after = clock.monotonic()

    for wall, monotonic in steps:
        machine.wall += wall
        machine.monotonic += monotonic
        after = clock.monotonic()
    clock.sleep(0.75)

    assert (after - before, clock.now(), machine.slept) == (passed, machine.wall, [0.75])
