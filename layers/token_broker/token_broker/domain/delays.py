"""How long to wait before the next try of what is never given up."""

#: Seconds to the second try; doubled for each further one, up to the longest pause.
FIRST_PAUSE, LONGEST_PAUSE = 60, 60 * 60
#: Doublings after which the longest pause is reached.
DOUBLINGS = 6


def pause(tries: int, jitter: float) -> int:
    """Seconds after that many tries that were put off; up to half less by `jitter` (0 to 1), so that not all come back
    at once.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE << min(tries, DOUBLINGS))
    return round(longest * (1 - jitter / 2))
