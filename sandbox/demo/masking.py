"""How values are shown: enough to recognise one, never enough to use it."""

import hashlib
from typing import Any

#: Members whose value is a token.
_VALUES = frozenset({"accessToken"})


def masked(value: str) -> str:
    """The first four characters, the length, and the fingerprint that logs and the table have too."""
    digest = hashlib.sha256(value.encode()).hexdigest()[:12]
    return f"{value[:4]}… ({len(value)} characters, fingerprint {digest})"


def without_values(answer: Any) -> Any:
    """An answer with every token masked."""
    if isinstance(answer, dict):
        return {
            name: masked(value) if name in _VALUES and isinstance(value, str) else without_values(value)
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        return [without_values(each) for each in answer]
    return answer
