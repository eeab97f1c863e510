"""What a page names exists: routes, targets, alarms, events, metrics, parameters, outputs and codes."""

import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.template_as_written import template
from tests.unit.repository.pages import PAGES, ROOT, code
from tests.unit.repository.transformed import resources, transformed
from token_broker import wiring

#: Decisions tell what was so at their time.
TODAY = [page for page in PAGES if not page.startswith("docs/decisions/")]
SUFFIXES = {".py", ".js", ".html", ".toml", ".json"}
FOLDERS = ("layers", "functions", "sandbox", "audit", "benchmarks", "tests", "clients")
#: Names that are not ours: of AWS, of providers, and of standards.
OF_OTHERS = {
    *("AdministratorAccess", "DefinitionSubstitutions", "MalformedDetail", "ReadOnlyAccess"),
    *("snake_case", "xray_trace_id"),
}

METHODS = "GET|PUT|POST|DELETE|OPTIONS"

each_page = pytest.mark.parametrize("page", TODAY)


@cache
def routes() -> list[tuple[str, str]]:
    """Return the method and the path of each route, and those of preflight requests."""
    found = [
        (event["Properties"]["Method"], event["Properties"]["Path"])
        for function in template()["Resources"].values()
        if function["Type"] == "AWS::Serverless::Function"
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    return [*found, *(("OPTIONS", path) for _, path in found if path.startswith("/storefront"))]


def named_routes(text: str) -> Iterator[tuple[str, str]]:
    """Yield each method (or nothing) and path, and each path's end after an ellipsis."""
    path = r"((?:merchants|storefront|operations)/[^\s`\"'()|,;<>]*)"
    text = re.sub(r"\$\{[^}]*\}", "{x}", text)
    yield from re.findall(rf"\b({METHODS})[ /]/?{path}", text)
    yield from (("", found) for found in re.findall(rf"(?<![a-zA-Z/] )(?<![a-z/])/{path}", text))
    yield from re.findall(rf"\b({METHODS}) (…/[\w{{}}/-]+)", text)


def is_a_route(method: str, path: str) -> bool:
    """Return whether a route has this method and path, with any value in place of a parameter.

    A path without a method, and one with an ellipsis or an asterisk, may be the beginning of a route.
    """
    whole = re.split(r"[?#]", path)[0].rstrip(".:")
    if whole.startswith("…/"):
        ends = [(its, known.split("/")[-whole.count("/") :]) for its, known in routes()]
        return any(its == method and _same(whole.split("/")[1:], end) for its, end in ends)
    start = re.split(r"[…*]", whole)[0].rstrip("/").split("/")
    partly = method == "" or start != whole.rstrip("/").split("/")
    for its_method, known in routes():
        parts = known.strip("/").split("/")
        if method in ("", its_method) and (partly or len(start) == len(parts)) and _same(start, parts[: len(start)]):
            return True
    return False


def _same(parts: list[str], known: list[str]) -> bool:
    return len(parts) == len(known) and all(
        one == other or "{" in (one[:1], other[:1]) for one, other in zip(parts, known, strict=True)
    )


@each_page
def test_every_route_that_a_page_names_exists(page: str) -> None:
    assert [named for text in code(page) for named in named_routes(text) if not is_a_route(*named)] == []


@each_page
def test_every_target_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [name for text in code(page) for name in re.findall(r"(?:^|[\s;&(])make ([a-z][a-z-]*)", text)]

    assert [name for name in named if name not in targets] == []


@each_page
def test_every_alarm_that_a_page_names_exists(page: str) -> None:
    alarms = set(resources("AWS::CloudWatch::Alarm"))
    alarms |= {re.sub(f"^{name.capitalize()}", "{Provider}", alarm) for alarm in alarms for name in wiring.PROVIDERS}
    named = re.findall(r"(?:\{Provider\})?[A-Z][a-zA-Z]*Alarm\b", (ROOT / page).read_text())

    assert [name for name in named if name not in alarms] == []


@cache
def words() -> set[str]:
    """Return every word of the sources, each file's name, and each name in the template after its transforms."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    files += ROOT.glob("docs/**/*.asl.json")
    files += [ROOT / name for name in ("template.yaml", "samconfig.toml", "Makefile", "pyproject.toml")]
    found = {word for path in files for word in re.findall(r"\w+", path.read_text())}
    return found.union((path.stem for path in files), transformed()["Resources"], template()["Outputs"])


@each_page
def test_every_parameter_event_metric_output_and_code_that_a_page_names_exists(page: str) -> None:
    """Each name of several words in backticks is in the sources, in the template or in a block of the page."""
    spans = [text for text in code(page) if "\n" not in text]
    shown = {word for text in code(page) if "\n" in text for word in re.findall(r"\w+", text)}
    named = {
        name[1]
        for text in spans
        if (name := re.fullmatch(r"(?:\w+\.)*((?:[A-Z][a-z0-9]+){2,}|[a-z]+(?:_[a-z]+)+)(?:=\S*|\(\))?", text))
    }

    assert named - words() - shown - OF_OTHERS == set()
