"""The tables in the pages of the documentation."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: The page of each provider.
PROVIDER_PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/reference/providers/*.md"))


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its header."""
    section = (ROOT / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section.partition("\n|")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
