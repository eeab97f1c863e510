"""The tables, headings and code in the pages of the documentation."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: The page of each provider.
PROVIDER_PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/reference/providers/*.md"))
#: All pages.
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
#: Those beside the code that they describe.
BESIDE_CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for top in ("clients", "events", "sandbox")
    for path in ROOT.glob(f"{top}/**/*.md")
)

_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its header."""
    section = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section.partition("\n|")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def cells(page: str) -> list[list[str]]:
    """Return the rows of all tables of a page that have a cell with code."""
    lines = (ROOT / page).read_text().splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|") and "`" in line
    ]


def blocks(page: str, language: str) -> list[str]:
    """Return the page's blocks of code in a language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def code(page: str) -> list[str]:
    """Return what the page shows as code: each block, and each span in backticks."""
    text = (ROOT / page).read_text()
    return [*_FENCE.findall(text), *re.findall(r"`([^`]+)`", _FENCE.sub("", text))]


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the page's headings."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", _FENCE.sub("", (ROOT / page).read_text()), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names
