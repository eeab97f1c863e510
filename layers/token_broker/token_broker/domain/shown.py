"""Show records without the values that they hold."""

from collections.abc import Sequence
from typing import Any


def shown(kind: str, names: Sequence[str], values: Sequence[Any], *, without: Sequence[str]) -> str:
    """Return the `repr` of a named tuple that leaves some members out."""
    members = [f"{name}={value!r}" for name, value in zip(names, values, strict=True) if name not in without]
    return f"{kind}({', '.join(members)})"
