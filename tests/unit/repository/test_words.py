"""Code and documentation use the field's words: these phrases of the first version must not come back."""

import re

import pytest

from tests.template_as_written import TEMPLATE

ROOT = TEMPLATE.parent
#: Each is unambiguous. docs/reference/glossary.md has the words that replaced them.
PHRASES = re.compile(
    r"by the clock\b|\bthe clock's run\b|\bwhat is due\b|\bput(?:s|ting)? off\b|\bset(?:s|ting)? aside\b|\bthe world\b"
    r"|\bafresh\b|\bbites\b|\bmend(?:s|ed|ing)?\b|\bpassed over\b|\blook(?:s|ed)? after\b|\bheld against\b"
    r"|\bhanded out again\b|\bdoors?\b|\bspoil(?:s|t|ed)?\b",
    re.IGNORECASE,
)
PLACES = (
    "clients",
    "layers",
    "functions",
    "sandbox",
    "audit",
    "benchmarks",
    "tests",
    "docs",
    "events",
    "[!.]*.*",
    "Makefile",
)
KINDS = {".py", ".md", ".yaml", ".toml", ".json", ".js", ".mjs", ".ts", ".html", ".new", ".lines", ""}


@pytest.mark.parametrize("place", PLACES)
def test_no_private_phrase_is_written(place: str) -> None:
    top = ROOT / place
    files = [path for path in (top.rglob("*") if top.is_dir() else ROOT.glob(place)) if path.is_file()]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in files
        if path.suffix in KINDS and path.name != "test_words.py" and "__pycache__" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in [PHRASES.search(line)]
        if match
    ]

    assert files
    assert found == []
