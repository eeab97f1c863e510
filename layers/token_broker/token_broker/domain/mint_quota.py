"""Spread a merchant's mints over the minute.

A quota that can be used up at once occupies all functions of a small account for seconds, and then refuses the rest of
the minute. So the number of mints since the minute began grows with its seconds. What is not used stays available until
the minute ends.
"""

MINUTE = 60
#: How many seconds' mints are available in advance.
ADVANCE = 5


def allowed_mints(limit: int, second: int) -> int:
    """Return how many mints are allowed from the minute's start to this second of it (0 to 59)."""
    seconds = min(MINUTE, second + ADVANCE)
    return (limit * seconds + MINUTE - 1) // MINUTE


def next_mint_at(limit: int, mints: int) -> int:
    """Return the second of the minute from which one more mint is allowed. The next minute begins at 60."""
    return MINUTE if mints >= limit else mints * MINUTE // limit - ADVANCE + 1
