"""The names in docs/reference/glossary.md are in the code."""

import re
from pathlib import Path

import pytest

import token_broker
from tests.unit.repository.pages import ROOT, rows
from token_broker.domain.token import State

LAYER = Path(token_broker.__path__[0])
PAGE = "docs/reference/glossary.md"


def names(cell: str) -> list[str]:
    """Return the last part of each name in backticks: `A.b` is `b`."""
    return [name.rpartition(".")[2] for name in re.findall(r"`([\w.]+)`", cell)]


@pytest.mark.parametrize("term", rows(PAGE, "Terms"), ids=lambda row: row[0])
def test_a_term_is_in_the_file_that_the_table_names(term: list[str]) -> None:
    for place in term[2].split(";"):
        named, found, path = place.rpartition(" in `")
        file = path.rstrip("`")
        if found and file.endswith((".py", ".yaml")):
            text = ((ROOT if file == "template.yaml" else LAYER) / file).read_text()
            assert [name for name in names(named) if not re.search(rf"\b{name}\b", text)] == []


def test_the_states_are_those_of_the_code() -> None:
    assert [row[0].strip("`") for row in rows(PAGE, "States of a token")] == list(State)


@pytest.mark.parametrize("row", rows(PAGE, "Where a name and its stored value differ"), ids=lambda row: row[0])
def test_both_spellings_are_in_the_code(row: list[str]) -> None:
    sources = [*LAYER.rglob("*.py"), *ROOT.glob("functions/*/*/app.py"), ROOT / "template.yaml"]
    text = "\n".join(path.read_text() for path in sources)

    assert [name for cell in row for name in names(cell) if not re.search(rf"\b{name}\b", text)] == []
