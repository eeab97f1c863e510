"""Show records without the values that they hold."""

from typing import Any


def shown(record: Any, *, without: tuple[str, ...]) -> str:
    """Return the `repr` of a named tuple that leaves some members out."""
    members = [f"{name}={value!r}" for name, value in record._asdict().items() if name not in without]
    return f"{type(record).__name__}({', '.join(members)})"
