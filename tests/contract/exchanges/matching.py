"""Matchers: what an expected value in an exchange file says about an actual one. README.md lists them."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

MATCH = "$match"


def example_of(expected: Any) -> Any:
    match expected:
        case {"$match": _, "example": example}:
            return example
        case dict():
            return {name: example_of(value) for name, value in expected.items()}
        case list():
            return [example_of(value) for value in expected]
    return expected


def differences(expected: Any, actual: Any) -> list[str]:
    """Where the actual value is not what was expected, as sentences; empty if it is."""
    return list(_differences(expected, actual, "$"))


def _differences(expected: Any, actual: Any, where: str) -> Iterator[str]:
    if isinstance(expected, dict) and MATCH in expected:
        yield from _mismatch(expected, actual, where)
    elif isinstance(expected, dict) and isinstance(actual, dict):
        for name in sorted(expected.keys() ^ actual.keys()):
            yield f"{where}.{name} is {'missing' if name in expected else 'unexpected'}"
        for name in sorted(expected.keys() & actual.keys()):
            yield from _differences(expected[name], actual[name], f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(*pair, f"{where}[{index}]")
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{where} is {actual!r}, not {expected!r}"


def _mismatch(matcher: dict[str, Any], actual: Any, where: str) -> Iterator[str]:
    kind = matcher[MATCH]
    if kind == "array" and isinstance(actual, list):
        for index, item in enumerate(actual):
            yield from _differences(matcher["each"], item, f"{where}[{index}]")
    elif not _is(kind, actual):
        yield f"{where} is {actual!r}, not of kind {kind}"
    elif "pattern" in matcher and not re.search(matcher["pattern"], actual):
        yield f"{where} is {actual!r}, which doesn't match {matcher['pattern']}"


def _is(kind: str, actual: object) -> bool:
    match kind:
        case "string":
            return isinstance(actual, str)
        case "integer":
            return type(actual) is int
        case "timestamp":
            return isinstance(actual, str) and _is_timestamp(actual)
        case "array":
            return isinstance(actual, list)
    raise ValueError(f"There is no matcher {kind}.")


def _is_timestamp(text: str) -> bool:
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"
    return re.fullmatch(form, text) is not None and datetime.fromisoformat(text).tzinfo is not None
