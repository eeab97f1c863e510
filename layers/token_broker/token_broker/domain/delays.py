"""How long to wait before the next try of what is never given up."""

#: In seconds.
DAY = 24 * 60 * 60
#: Seconds to the second try; doubled for each further one, up to the longest pause.
FIRST_PAUSE, MAX_PAUSE = 60, 60 * 60
#: Doublings after which the longest pause is reached.
DOUBLINGS = 6


def pause(tries: int, jitter: float) -> int:
    """Seconds after that many tries that were put off; up to half less by `jitter` (0 to 1), so that not all come back
    at once.
    """
    longest = min(MAX_PAUSE, FIRST_PAUSE << min(tries, DOUBLINGS))
    return round(longest * (1 - jitter / 2))


def next_reconciliation(now: float, jitter: float) -> int:
    """18 to 24 hours later (Unix seconds), by `jitter` (0 to 1)."""
    return int(now + DAY * (1 - jitter / 4))
