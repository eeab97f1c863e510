"""Deadlines, and the machine's own clock."""

import time

import pytest

from tests.fakes.clock import MovableClock
from token_broker.clock import Deadline, SystemClock


def test_a_deadline_runs_down_to_nothing() -> None:
    clock = MovableClock()
    deadline = Deadline.after(clock, 10)

    assert deadline.left() == 10
    clock.advance(4)
    assert deadline.left() == 6
    clock.advance(100)
    assert deadline.left() == 0


def test_a_part_of_a_deadline_is_never_longer_than_the_whole() -> None:
    clock = MovableClock()
    deadline = Deadline.after(clock, 10)

    assert deadline.within(15).left() == 10
    assert deadline.within(5).left() == 5


def test_a_part_starts_when_it_is_asked_for() -> None:
    clock = MovableClock()
    deadline = Deadline.after(clock, 10)
    clock.advance(7)

    assert deadline.within(5).left() == 3


class Machine:
    """The machine's two clocks, each to be moved by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.monotonic = 12.5, 3.25
        self.slept: list[float] = []
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.monotonic)
        monkeypatch.setattr(time, "sleep", self.slept.append)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_systems_clock_is_the_machines_time(machine: Machine) -> None:
    clock = SystemClock()
    before = clock.monotonic()
    machine.wall, machine.monotonic = 13.5, 4.25

    clock.sleep(0.75)

    assert (clock.now(), clock.monotonic() - before, machine.slept) == (13.5, 1.0, [0.75])


def test_time_goes_on_while_the_process_is_frozen(machine: Machine) -> None:
    clock = SystemClock()
    before = clock.monotonic()
    machine.wall += 3600  # Lambda's freeze: the monotonic clock stands still

    assert clock.monotonic() - before == 3600


def test_a_wall_clock_that_is_set_back_does_not_hold_time_up(machine: Machine) -> None:
    clock = SystemClock()
    before = clock.monotonic()
    machine.wall, machine.monotonic = machine.wall - 3600, machine.monotonic + 5

    assert clock.monotonic() - before == 5


def test_a_wall_clock_that_leapt_ahead_and_was_put_right_does_not_stop_time(machine: Machine) -> None:
    clock = SystemClock()
    before = clock.monotonic()
    machine.wall += 3600
    clock.monotonic()
    machine.wall -= 3600
    machine.monotonic += 5

    assert clock.monotonic() - before == 3605
