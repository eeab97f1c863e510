"""Compute how long to wait before work that never stops being retried."""

#: In seconds.
DAY = 24 * 60 * 60
#: Seconds to the second try. Each further pause is twice as long, up to the longest one.
FIRST_PAUSE, MAX_PAUSE = 60, 60 * 60
#: Doublings after which the longest pause is reached.
DOUBLINGS = 6


def pause(tries: int, jitter: float) -> int:
    """Return the seconds to wait after that many failed tries, up to half less by `jitter` (0 to 1).

    The jitter spreads retries, so that they do not all start at once.
    """
    longest = min(MAX_PAUSE, FIRST_PAUSE << min(tries, DOUBLINGS))
    return round(longest * (1 - jitter / 2))


def next_reconciliation(now: float, jitter: float) -> int:
    """Return the time of the next reconciliation: 18 to 24 hours later (Unix seconds), by `jitter` (0 to 1)."""
    return int(now + DAY * (1 - jitter / 4))
