"""The part of CloudWatch Logs Insights' query language that the saved queries use. Everything else raises.

It is stricter than Insights. No document says whether `!=` holds for a field that an event does not have, so it raises.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from statistics import mean
from typing import Any

type Row = Mapping[str, Any]
type Condition = Callable[[Row], bool]

_TOKEN = re.compile(r'\s*("[^"]*"|\d+|@?[A-Za-z_][\w.]*|!=|[=(),|*\[\]])')
_WORD = re.compile(r"@?[A-Za-z_][\w.]*")
_TEXT = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"\d+")
#: What Insights finds in the line that Lambda writes at the end of a call. Only a cold start has an init duration.
_REPORT = re.compile(r"REPORT RequestId: \S+\tDuration: (\S+) ms\t(?:.*\tInit Duration: (\S+) ms)?")
_AGGREGATES: Mapping[str, Callable[[Sequence[Any]], Any]] = {
    "count": len,
    "latest": itemgetter(-1),
    "avg": mean,
    "max": max,
}


class UnknownSyntaxError(Exception):
    """Report a part of a query that is not known here."""


def discovered(line: str, log: str, timestamp: int) -> Row:
    """Return the fields that Insights finds in a line of a log group. Members of members have a dot in their names."""
    row: dict[str, Any] = {"@message": line, "@log": log, "@timestamp": timestamp}
    if (report := _REPORT.match(line)) is None:
        return row | dict(_members(json.loads(line)))
    row |= {"@type": "REPORT", "@duration": float(report[1])}
    return row if report[2] is None else row | {"@initDuration": float(report[2])}


def _members(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, list):
            yield from _members({str(place): each for place, each in enumerate(value)}, f"{prefix}{name}.")
        elif isinstance(value, dict):
            yield from _members(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, int(value) if isinstance(value, bool) else value  # Insights says 1 for true


def run(query: str, rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows of a query's result, oldest event first where it does not sort."""
    words = _Words(query)
    rows = sorted(rows, key=itemgetter("@timestamp"))
    while True:
        rows = _COMMANDS[words.take(*_COMMANDS)](words, rows)
        if words.take("|", "") == "":
            return rows


class _Words:
    """Hold what is left of a query."""

    def __init__(self, query: str) -> None:
        self._left = _TOKEN.findall(query)
        if unknown := _TOKEN.sub("", query).strip():
            raise UnknownSyntaxError(unknown)

    def take(self, *known: str) -> str:
        """Remove the next word, which must be one of those. At the end it is empty."""
        word = self._left.pop(0) if self._left else ""
        if word not in known:
            raise UnknownSyntaxError(f"{word!r} instead of {known}")
        return word

    def match(self, pattern: re.Pattern[str]) -> str:
        """Remove the next word, which must match."""
        word = self._left.pop(0) if self._left else ""
        if pattern.fullmatch(word) is None:
            raise UnknownSyntaxError(f"{word!r} instead of {pattern.pattern}")
        return word.strip('"')

    def skip(self, word: str) -> bool:
        """Remove the next word if it is that one, and return whether it was."""
        found = self._left[:1] == [word]
        del self._left[: int(found)]
        return found

    def listed[T](self, read: Callable[[], T], separator: str = ",") -> list[T]:
        """Read one or more parts between separators."""
        parts = [read()]
        while self.skip(separator):
            parts.append(read())
        return parts

    def name(self) -> str:
        """Remove the name of a field."""
        return self.match(_WORD)

    def text(self) -> str:
        """Remove a text in quotes."""
        return self.match(_TEXT)


def _fields(words: _Words, rows: Sequence[Row]) -> Sequence[Row]:
    names = words.listed(words.name)
    return [{name: row[name] for name in names if name in row} for row in rows]


def _filter(words: _Words, rows: Sequence[Row]) -> Sequence[Row]:
    conditions = words.listed(lambda: _condition(words), "and")
    return [row for row in rows if all(holds(row) for holds in conditions)]


def _condition(words: _Words) -> Condition:
    if words.skip("ispresent"):
        words.take("(")
        wanted = words.name()
        words.take(")")
        return lambda row: wanted in row
    name = words.name()
    operator = words.take("=", "!=", "in")
    if operator == "in":
        words.take("[")
        values = words.listed(words.text)
        words.take("]")
        return lambda row: row.get(name) in values
    value = words.text()
    return (lambda row: row.get(name) == value) if operator == "=" else (lambda row: row[name] != value)


def _stats(words: _Words, rows: Sequence[Row]) -> Sequence[Row]:
    aggregates = words.listed(lambda: _aggregate(words))
    words.take("by")
    names = words.listed(words.name)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return [
        dict(zip(names, key, strict=True)) | {name: value(group) for name, value in aggregates}
        for key, group in groups.items()
    ]


def _aggregate(words: _Words) -> tuple[str, Callable[[Sequence[Row]], Any]]:
    function = _AGGREGATES[words.take(*_AGGREGATES)]
    words.take("(")
    field = "@message" if words.skip("*") else words.name()
    words.take(")")
    words.take("as")
    name = words.name()

    def value(rows: Sequence[Row]) -> Any:
        values = [row[field] for row in rows if field in row]
        return function(values) if values or function is len else None

    return name, value


def _sort(words: _Words, rows: Sequence[Row]) -> Sequence[Row]:
    name = words.name()
    return sorted(rows, key=itemgetter(name), reverse=words.skip("desc"))


def _limit(words: _Words, rows: Sequence[Row]) -> Sequence[Row]:
    return rows[: int(words.match(_NUMBER))]


_COMMANDS: Mapping[str, Callable[[_Words, Sequence[Row]], Sequence[Row]]] = {
    "fields": _fields,
    "filter": _filter,
    "stats": _stats,
    "sort": _sort,
    "limit": _limit,
}
