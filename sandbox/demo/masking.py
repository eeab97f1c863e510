"""Show enough of a value to recognize it, and too little to use it."""

import hashlib
from typing import Any

#: Members that contain a token.
_VALUES = frozenset({"accessToken"})


def masked(value: str) -> str:
    """Return the first four characters, the length, and the fingerprint of the logs and the table."""
    digest = hashlib.sha256(value.encode()).hexdigest()[:12]
    return f"{value[:4]}… ({len(value)} characters, fingerprint {digest})"


def without_values(response: Any) -> Any:
    """Return a response with every token masked."""
    if isinstance(response, dict):
        return {
            name: masked(value) if name in _VALUES and isinstance(value, str) else without_values(value)
            for name, value in response.items()
        }
    if isinstance(response, list):
        return [without_values(each) for each in response]
    return response
