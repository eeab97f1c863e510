"""Keep the simulators' clock: the machine's time plus what a test has added."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone

SHOP_TIME_ZONE = timezone(timedelta(hours=-5))
POLL_SECONDS = 0.05


class Clock:
    """Return Unix seconds that a test can move forward.

    It shares the simulation's lock, so one decision sees one time.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._moved = threading.Condition(lock)
        self._start = time.time() - time.monotonic()
        self._offset = 0.0

    def now(self) -> float:
        with self._moved:
            return self._start + time.monotonic() + self._offset

    def advance(self, seconds: float) -> None:
        with self._moved:
            self._offset += seconds
            self._moved.notify_all()

    def reset(self) -> None:
        with self._moved:
            self._offset = 0.0

    def wait_until(self, moment: float, stopping: threading.Event) -> None:
        """Wait until `moment`, or until the server stops.

        Returns at once if the clock is moved past it.
        """
        with self._moved:
            while not stopping.is_set() and (left := moment - self.now()) > 0:
                self._moved.wait(min(left, POLL_SECONDS))


def shop_time(moment: float) -> str:
    """Return ISO 8601 with the offset of the shop's time zone, as in Shopify's `created_at`."""
    return datetime.fromtimestamp(int(moment), UTC).astimezone(SHOP_TIME_ZONE).isoformat()
