"""Compare what a page shows as the output of its commands with what they printed."""

import json
import re
from typing import Any

#: A code, a state or a name, which is the same for every reader. All other texts only have to be texts.
_WORD = re.compile(r"[a-z_]+|[A-Z]\w*")


def shows(shown: str, language: str, printed: str) -> bool:
    """Return whether a block is what was printed: JSON of the same form, or lines without … that are there."""
    if language == "json":
        return any(_alike(json.loads(shown), value) for value in _values(printed))
    return all(line in printed for line in shown.splitlines() if "…" not in line)


def _values(printed: str) -> list[Any]:
    """Return every JSON value that starts a line or follows another one."""
    found, decoder = [], json.JSONDecoder()
    for text in re.split(r"^(?=[{\[])", printed, flags=re.MULTILINE):
        rest = text.strip()
        while rest:
            try:
                value, end = decoder.raw_decode(rest)
            except ValueError:
                break
            found.append(value)
            rest = rest[end:].strip()
    return found


def _alike(shown: Any, printed: Any) -> bool:
    if isinstance(shown, dict) and isinstance(printed, dict):
        return shown.keys() == printed.keys() and all(_alike(shown[name], printed[name]) for name in shown)
    if isinstance(shown, list) and isinstance(printed, list):
        return all(map(_alike, shown, printed)) and bool(shown) == bool(printed)
    if isinstance(shown, str) and not _WORD.fullmatch(shown):
        return isinstance(printed, str)
    if isinstance(shown, int) and not isinstance(shown, bool):
        return isinstance(printed, int)
    return bool(shown == printed)
