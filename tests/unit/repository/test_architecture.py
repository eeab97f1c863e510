"""The picture in docs/architecture.md is of this tree: nothing forgotten, nothing that is gone, nothing upside down."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.template_as_written import template

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "layers/token_broker/token_broker"
PAGE = (ROOT / "docs/architecture.md").read_text()
#: What the picture shows of the template, each by its name there.
SHOWN = {
    "AWS::Serverless::Api",
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Scheduler::Schedule",
    "AWS::SQS::Queue",
}


def picture() -> str:
    (found,) = re.findall(r"^```mermaid\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def bands() -> list[str]:
    """The boxes of the layer, from above."""
    inside = picture().partition('subgraph layer["')[2].partition("\n    end")[0]
    texts = dict(re.findall(r'^ {8}(\w+)\["(.*)"\]$', inside, re.MULTILINE))
    names = inside.splitlines()[-1].strip().split(" --> ")
    assert set(names) == set(texts), "each box stands in the one chain of arrows"
    return [texts[name] for name in names]


def modules(box: str, *, package: str = "") -> list[str]:
    """The modules that a box names; those of `aws` stand in its lines `aws…: one · other`."""
    named: list[str] = []
    for line in re.sub("<b>.*?</b>", "", box).split("<br/>"):
        inside = line.startswith("aws, ")
        if inside == (package == "aws"):
            named += _without_words(line)
    return named


def _without_words(line: str) -> list[str]:
    """The modules of a line `broker: one · other · for whom: third`: `broker` is one, `for whom` is not."""
    return [part for each in line.split(" · ") for part in each.split(": ") if re.fullmatch("[a-z_]+", part)]


def in_tree(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def everywhere(package: str) -> list[str]:
    if package == "providers":
        boxes = re.findall(r'^ +provider_\w+\["(.*)"\]$', picture(), re.MULTILINE)
        return [name for box in boxes for name in _without_words(box)]
    return [name for box in bands() for name in modules(box, package=package)]


@pytest.mark.parametrize("package", ["", "aws", "providers"])
def test_every_module_has_its_place_and_no_other_is_named(package: str) -> None:
    assert sorted(everywhere(package)) == in_tree(PACKAGE / package)


def test_imports_point_down_the_picture() -> None:
    """The order is the one that import-linter holds the code to."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers: list[list[str]] = [layer.split(" | ") for layer in contract["layers"]]
    height = {name: row for row, layer in enumerate(layers) for name in layer}
    rows = [[height[name] for name in modules(box)] for box in bands()]

    assert all(max(above) < min(below) for above, below in pairwise(rows))


def test_the_functions_are_those_of_the_tree() -> None:
    tree = {path.parent.relative_to(ROOT / "functions").as_posix() for path in ROOT.glob("functions/*/*/app.py")}
    boxes = picture().partition("subgraph functions")[2].partition("\n    end")[0]

    assert sorted(re.findall(r"\b[a-z]+/[a-z_]+\b", boxes.partition("\n")[2].replace("<br/>", "\n"))) == sorted(tree)


def test_queues_table_bus_and_clock_are_those_of_the_template() -> None:
    deployed = {name for name, each in template()["Resources"].items() if each["Type"] in SHOWN}
    named = set(re.findall(r"\b(?:[A-Z][A-Za-z]+(?:Queue|Table|Bus|Schedule)|Api)\b", PAGE.partition("## Where")[0]))

    assert named == deployed


def test_every_file_that_the_table_names_is_there() -> None:
    table = PAGE.partition("## Where would you put a new line?")[2]
    named = set(re.findall(r"`([\w./-]+(?:\.(?:py|md|json|yaml)|/))`", table))
    places = [ROOT, PACKAGE, ROOT / "sandbox/simulators", ROOT / "functions/storefronts/proof_authorizer"]
    one_each = {"app.py"}  # in every function's folder

    assert [name for name in sorted(named - one_each) if not any((place / name).exists() for place in places)] == []
    assert named, "the pattern finds none"


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)

    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    assert "docs/architecture.md" in (ROOT / "README.md").read_text()
