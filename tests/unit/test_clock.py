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


def test_the_systems_clock_is_the_machines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "time", lambda: 12.5)
    monkeypatch.setattr(time, "monotonic", lambda: 3.25)
    monkeypatch.setattr(time, "sleep", slept.append)
    clock = SystemClock()

    clock.sleep(0.75)

    assert (clock.now(), clock.monotonic(), slept) == (12.5, 3.25, [0.75])
