"""How long what searches at random searches: seconds in CI, and up to a quarter of an hour with `make test-long`."""

import os

from hypothesis import HealthCheck, settings

#: Set by `make test-long`; other long tests may look at it, too.
LONG = os.environ.get("TOKEN_BROKER_LONG") == "1"


def search(examples: int, long: int, *, steps: int = 40) -> settings:
    """So many examples of at most so many steps. A failure prints its steps, and the blob that repeats it."""
    return settings(
        max_examples=long if LONG else examples,
        stateful_step_count=steps * 2 if LONG else steps,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
