"""The index of decisions lists each of them by number, with its title."""

import re

from tests.unit.repository.pages import ROOT

FOLDER = ROOT / "docs/decisions"


def test_the_index_has_each_decision_with_its_title_and_no_other() -> None:
    files = sorted(FOLDER.glob("[0-9]*.md"))
    titles = [(path.name[:4], path.name, path.read_text().splitlines()[0].removeprefix("# ")) for path in files]

    index = (FOLDER / "README.md").read_text()
    assert re.findall(r"^\| \[(\d{4})\]\(([^)]+)\) \| ([^|]+?) \| \d{4}-\d\d-\d\d \|", index, re.MULTILINE) == titles
    assert [int(number) for number, _, _ in titles] == list(range(1, len(titles) + 1))
