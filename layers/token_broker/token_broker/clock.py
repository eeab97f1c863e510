"""Time, passed in: what a test can hold still and move."""

import threading
import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored, monotonic time for what is waited for; both in seconds."""

    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own time.

    Lambda freezes a process between two calls, and what the system calls monotonic time may stand still with it: a
    value kept for 30 s would be served for hours. So each step of ours is the larger of the two clocks' steps.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._elapsed = 0.0
        self._seen = time.monotonic(), time.time()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never runs backwards, nor stops while the process is frozen."""
        with self._lock:
            (before, wall_before), self._seen = self._seen, (time.monotonic(), time.time())
            now, wall = self._seen
            self._elapsed += max(now - before, wall - wall_before)
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which an answer is due, on the monotonic clock."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """A deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def left(self) -> float:
        """Seconds left; zero once it has passed."""
        return max(0.0, self.at - self.clock.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and that many seconds from now."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))
