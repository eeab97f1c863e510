"""Define the clock that is passed in, and deadlines."""

import threading
import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """Tell the time in seconds: wall time for stored values, and monotonic time for waits."""

    def now(self) -> float:
        """Return the seconds since the epoch."""

    def monotonic(self) -> float:
        """Return the seconds since a fixed moment. The value never decreases."""

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""


class SystemClock:
    """Tell the machine's time.

    Lambda freezes a process between two calls, and the system's monotonic clock may stop with it. A value that is
    cached for 30 s would then be served for hours. Therefore each step of `monotonic` is the larger step of both
    clocks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._elapsed = 0.0
        self._seen = time.monotonic(), time.time()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds since a fixed moment, including the time for which the process was frozen."""
        with self._lock:
            (before, wall_before), self._seen = self._seen, (time.monotonic(), time.time())
            now, wall = self._seen
            self._elapsed += max(now - before, wall - wall_before)
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
        time.sleep(seconds)


class Deadline(NamedTuple):
    """Hold the time by which a response is due, on the monotonic clock."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds left, or zero if the deadline has passed."""
        return max(0.0, self.at - self.clock.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """Return this deadline, or the deadline that many seconds from now if that is earlier."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))
