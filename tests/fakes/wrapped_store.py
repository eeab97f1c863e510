"""A store whose calls something watches."""

from collections.abc import Callable
from copy import copy
from typing import Any

PARTS = (
    *(
        "leases",
        "tokens",
        "corrections",
        "rotations",
        "rotation_settings",
        "reconciliations",
        "sessions",
        "schedule",
        "pairs",
    ),
)


def wrapped(store: Any, wrap: Callable[[Any], Any]) -> Any:
    """Return a store on the same state with each part wrapped."""
    watched = copy(store)
    for name in PARTS:
        setattr(watched, name, wrap(getattr(store, name)))
    return watched
