"""The tables in docs/logs.md list the events and fields that the code logs, and nothing else."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LAYER = ROOT / "layers/token_broker/token_broker"
PAGE = (ROOT / "docs/logs.md").read_text()

#: The level of each method that logs. `answered` and `annotate` both add fields to the event `answered`.
LEVELS = {
    "notice": "WARNING",
    "answered": "INFO",
    "annotate": "INFO",
    "info": "INFO",
    "warning": "WARNING",
    "error": "ERROR",
}
#: Fields that a call passes as a dictionary that was built before, by event and the file that builds it.
BUILT = {
    ("answered", "entrypoints/handler"): {
        "status",
        "code",
        "entry_point",
        "operation",
        "caller",
        "merchant",
        "served",
        "fingerprint",
    },
    ("decided", "entrypoints/authorizer"): {"decision", "merchant", "operation", "reason", "causes", "ms"},
    ("rotation_settings_changed", "domain/rotation"): {"maxAgeDays", "overlapDays", "paused"},
    ("unexpected_failure", "entrypoints/handler"): {"kind", "frames"},
    ("work_rescheduled", "lifecycle/work_handlers"): {"token_id", "age", "intent", "rotation", "item"},
}
#: Fields that the logger adds to every line.
OF_THE_LOGGER = ["level", "location", "message", "timestamp", "service"]


@dataclass(frozen=True)
class Logged:
    """One call that logs: the event, its level and its fields, and whether further fields come from a dictionary."""

    event: str
    level: str
    fields: frozenset[str]
    more: bool


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Yield each call of a method that logs, with its file and the method."""
    for path in sorted([*LAYER.rglob("*.py"), *ROOT.glob("functions/**/*.py")]):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            method, receiver = call.func.attr, ast.unparse(call.func.value)
            wanted = "log" if method in ("info", "warning", "error") else "telemetry"
            if method in LEVELS and receiver.split(".")[-1].lstrip("_") == wanted:
                yield path, call, method


@cache
def logged() -> list[Logged]:
    found = []
    for path, call, method in calls():
        event = "answered" if method in ("answered", "annotate") else _event(call)
        if event is None:
            assert path == LAYER / "telemetry.py", f"{path.name}:{call.lineno} logs an event without a fixed name"
            continue
        fields = {each.arg for each in call.keywords if each.arg not in (None, "extra")}
        spread = any(each.arg is None for each in call.keywords)
        for extra in [each.value for each in call.keywords if each.arg == "extra"]:
            keys = extra.keys if isinstance(extra, ast.Dict) else [None]
            fields |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            spread |= None in keys
        found.append(Logged(event, LEVELS[method], frozenset(map(str, fields)), spread))
    return found


def _event(call: ast.Call) -> str | None:
    match call.args:
        case [ast.Constant(value=str(name)), *_]:
            return name
    return None


def in_code() -> Mapping[str, set[str]]:
    """Return the fields of each event that the code logs."""
    fields: dict[str, set[str]] = defaultdict(set)
    for each in logged():
        fields[each.event] |= each.fields
    for (event, _), built in BUILT.items():
        fields[event] |= built
    return fields


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its header."""
    table = PAGE.partition(f"\n## {heading}\n")[2].partition("\n|")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def in_page() -> Mapping[str, set[str]]:
    """Return the fields of each event in the page's table."""
    return {event.strip("`"): set(re.findall(r"`(\w+)`", fields)) for event, _, fields, _ in rows("Events")}


def test_the_table_lists_the_events_of_the_code() -> None:
    assert sorted(in_page()) == sorted(in_code())
    assert len(in_page()) == len(rows("Events")), "no event has two rows"


@pytest.mark.parametrize("event", sorted(in_page()))
def test_an_event_has_the_fields_of_the_table(event: str) -> None:
    assert in_page()[event] == in_code().get(event)


@pytest.mark.parametrize("row", rows("Events"), ids=lambda row: row[0].strip("`"))
def test_an_event_has_the_level_of_the_table(row: list[str]) -> None:
    assert {row[1]} == {each.level for each in logged() if each.event == row[0].strip("`")}


def test_only_the_known_events_take_fields_from_a_dictionary() -> None:
    assert {each.event for each in logged() if each.more} == {event for event, _ in BUILT}


@pytest.mark.parametrize(("event", "module"), BUILT)
def test_the_module_that_builds_a_dictionary_has_its_fields(event: str, module: str) -> None:
    texts = ast.walk(ast.parse((LAYER / f"{module}.py").read_text()))
    assert BUILT[event, module] <= {each.value for each in texts if isinstance(each, ast.Constant)}


def test_the_fields_of_every_line_are_those_of_the_logger() -> None:
    tree = ast.parse((LAYER / "telemetry.py").read_text())
    appended = [
        each.arg
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append_keys"
        for each in call.keywords
    ]
    assert [row[0].strip("`") for row in rows("Fields of every line")] == OF_THE_LOGGER + appended


def test_the_fields_of_the_closing_line_are_explained() -> None:
    explained = [row[0].strip("`") for row in rows("The line that ends a call")]
    assert sorted(explained) == sorted(in_page()["answered"])
