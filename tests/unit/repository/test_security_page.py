"""Each threat in docs/explanation/security.md has a test that exists."""

import re

import pytest

from tests.unit.repository.pages import ROOT, rows

PAGE = "docs/explanation/security.md"
HEADINGS = re.findall(r"^## (Threats .*)$", (ROOT / PAGE).read_text(), re.MULTILINE)


@pytest.mark.parametrize("heading", HEADINGS)
def test_each_threat_has_a_test(heading: str) -> None:
    threats = rows(PAGE, heading)
    missing = [
        f"{threat}: {file}::{name}"
        for threat, _, tests in threats
        for file, name in re.findall(r"`(tests/\S+\.py)::(\w+)`", tests) or [("no test", "named")]
        if not (ROOT / file).is_file() or f"def {name}(" not in (ROOT / file).read_text()
    ]

    assert threats
    assert missing == []
