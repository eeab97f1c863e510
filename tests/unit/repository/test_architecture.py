"""Compare docs/explanation/architecture.md with the tree, the template and the import contract."""

import re
import tomllib
from pathlib import Path

from tests.template_as_written import template
from token_broker import wiring

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "layers/token_broker/token_broker"
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
#: What the picture shows of the template, each by its name there.
KINDS = ("Serverless::Api", "DynamoDB::Table", "Events::EventBus", "Scheduler::Schedule", "SQS::Queue")


def picture() -> str:
    (found,) = re.findall(r"^```mermaid\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def bold(part: str) -> list[str]:
    return re.findall("<b>(.*?)</b>", picture().partition(f"subgraph {part}[")[2].partition("\n    end")[0])


def test_the_rows_of_the_picture_are_those_of_the_import_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    boxes = re.findall(r'^ {8}row\d\["(.*?)(?:<br/>.*)?"\]$', picture(), re.MULTILINE)

    assert [re.findall("<b>(.*?)</b>", box) for box in boxes] == [row.split(" | ") for row in contract["layers"]]


def test_the_folders_of_functions_are_the_providers_and_those_of_the_tree() -> None:
    tree = {path.parent.parent.name for path in ROOT.glob("functions/*/*/app.py")}

    assert set(bold("functions")) == {"a folder for each provider"} | tree - set(wiring.PROVIDERS)
    assert set(wiring.PROVIDERS) <= tree


def test_queues_table_bus_and_schedule_are_those_of_the_template() -> None:
    deployed = {name for name, each in template()["Resources"].items() if each["Type"].removeprefix("AWS::") in KINDS}
    named = set(re.findall(r"\b(?:[A-Z][A-Za-z]+(?:Queue|Table|Bus|Schedule)|Api)\b", PAGE.partition("## Where")[0]))

    assert named == deployed


def test_every_file_that_the_table_names_is_there() -> None:
    table = PAGE.partition("## Where would you put a new line?")[2]
    named = set(re.findall(r"`([\w./-]+(?:\.(?:py|md|json|yaml)|/))`", table))
    places = [ROOT, PACKAGE, ROOT / "functions/storefronts/proof_authorizer"]
    one_each = {"app.py"}  # in every function's folder

    assert [name for name in sorted(named - one_each) if not any((place / name).exists() for place in places)] == []
    assert named, "the pattern finds none"


def test_the_front_page_leads_to_it() -> None:
    assert "docs/explanation/architecture.md" in (ROOT / "README.md").read_text()
