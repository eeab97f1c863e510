"""When a merchant's tokens are compared with the provider's list: at least once a day, not all merchants at once."""

DAY = 24 * 60 * 60


def next_comparison(now: float, jitter: float) -> int:
    """18 to 24 hours later (Unix seconds), by `jitter` (0 to 1)."""
    return int(now + DAY * (1 - jitter / 4))
