"""Wait for the effects of the schedule, a queue, a stream or an expired cache entry."""

import time
from collections.abc import Callable

#: Seconds: a first call is a cold start, and the machine may be busy. It is a limit only where something is broken.
PATIENCE = 90.0


def wait_until(happened: Callable[[], object], what: str = "it", *, patience: float = PATIENCE) -> None:
    """Ask again until the answer is true. Raises AssertionError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, f"did not happen within {patience:.0f} s: {what}"
        time.sleep(0.05)
