"""The tables in docs/reference/logs.md list the events and fields of the log, and the saved queries."""

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import token_broker
from tests.unit.repository.pages import ROOT, rows
from tests.unit.repository.transformed import PLACE, plain, resources
from token_broker import telemetry
from token_broker.domain import rotation
from token_broker.entrypoints import authorizer, handler
from token_broker.lifecycle import work_handlers

PAGE = "docs/reference/logs.md"
SOURCES = [*Path(token_broker.__path__[0]).rglob("*.py"), *ROOT.glob("functions/**/*.py")]

#: The level of each method that logs. `answered` and `annotate` both add fields to the event `answered`.
LEVELS = dict.fromkeys(("answered", "annotate", "info"), "INFO") | {
    **dict.fromkeys(("notice", "warning"), "WARNING"),
    "error": "ERROR",
}
#: Fields that a call passes as a dictionary that was built before, by event and the module that builds it.
BUILT: dict[tuple[str, ModuleType], set[str]] = {
    ("answered", handler): {
        *("status", "code", "entry_point", "operation", "caller", "merchant", "served", "fingerprint"),
    },
    ("decided", authorizer): {"decision", "entry_point", "merchant", "operation", "reason", "causes", "ms"},
    ("rotation_settings_changed", rotation): {"maxAgeDays", "overlapDays", "paused"},
    ("unexpected_failure", handler): {"kind", "frames"},
    ("work_rescheduled", work_handlers): {"token_id", "age", "intent", "rotation", "item"},
}
#: Fields that the logger adds to every line.
OF_THE_LOGGER = ["level", "location", "message", "timestamp", "service"]


class Logged(NamedTuple):
    """One call that logs: the event, its level and its fields, and whether further fields come from a dictionary."""

    event: str
    level: str
    fields: frozenset[str]
    more: bool


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Yield each call of a method that logs in a file, with the method."""
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS:
            wanted = "log" if call.func.attr in ("info", "warning", "error") else "telemetry"
            if ast.unparse(call.func.value).split(".")[-1].lstrip("_") == wanted:
                yield call, call.func.attr


@cache
def logged() -> list[Logged]:
    return [found for path in SOURCES for call, method in calls(path) if (found := _logged(path, call, method))]


def _logged(path: Path, call: ast.Call, method: str) -> Logged | None:
    match call.args:
        case _ if method in ("answered", "annotate"):
            event = "answered"
        case [ast.Constant(value=str(event)), *_]:
            pass
        case _:
            assert path == Path(telemetry.__file__), f"{path}:{call.lineno} logs an event without a fixed name"
            return None
    extras = [each.value for each in call.keywords if each.arg == "extra"]
    keys = [key for each in extras for key in (each.keys if isinstance(each, ast.Dict) else [None])]
    fields = {each.arg for each in call.keywords if each.arg not in (None, "extra")}
    fields |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    more = None in keys or any(each.arg is None for each in call.keywords)
    return Logged(event, LEVELS[method], frozenset(map(str, fields)), more)


def in_code() -> Mapping[str, set[str]]:
    fields: dict[str, set[str]] = defaultdict(set)
    for each in logged():
        fields[each.event] |= each.fields
    for (event, _), built in BUILT.items():
        fields[event] |= built
    return fields


def in_page() -> Mapping[str, set[str]]:
    return {event.strip("`"): set(re.findall(r"`(\w+)`", fields)) for event, _, fields, _ in rows(PAGE, "Events")}


def test_the_table_has_each_event_of_the_code_once_with_its_fields_and_its_level() -> None:
    levels = {(each.event, each.level) for each in logged()}

    assert in_page() == in_code()
    assert sorted((event.strip("`"), level) for event, level, _, _ in rows(PAGE, "Events")) == sorted(levels)


def test_only_the_known_events_take_fields_from_a_dictionary() -> None:
    assert {each.event for each in logged() if each.more} == {event for event, _ in BUILT}


@pytest.mark.parametrize(("event", "module"), BUILT)
def test_the_module_that_builds_a_dictionary_has_its_fields(event: str, module: ModuleType) -> None:
    texts = ast.walk(ast.parse(inspect.getsource(module)))
    assert BUILT[event, module] <= {each.value for each in texts if isinstance(each, ast.Constant)}


def test_the_fields_of_every_line_are_those_of_the_logger() -> None:
    appended = re.findall(r"append_keys\((.*?)\)\n", inspect.getsource(telemetry), re.DOTALL)
    added = [name for each in appended for name in re.findall(r"\b(\w+)=", each)]
    assert [row[0].strip("`") for row in rows(PAGE, "Fields of every line")] == OF_THE_LOGGER + list(
        dict.fromkeys(added)
    )


def test_each_saved_query_is_explained_and_reads_the_log_of_every_function_or_of_the_api() -> None:
    found = resources("AWS::Logs::QueryDefinition")
    groups = set(resources("AWS::Logs::LogGroup")) - {"AccessLogGroup"}

    titles = [plain(query["Name"]).removeprefix(f"{PLACE.stack}/") for query in found.values()]
    assert sorted(row[0].strip("`") for row in rows(PAGE, "Saved queries")) == sorted(titles)
    for name, query in found.items():
        read = {group["Ref"] for group in query["LogGroupNames"]}
        assert read == ({"AccessLogGroup"} if name == "NoisyCallersQuery" else groups)


def test_the_fields_of_the_closing_line_are_explained() -> None:
    explained = [row[0].strip("`") for row in rows(PAGE, "The line that ends a call")]
    assert sorted(explained) == sorted(in_page()["answered"])
