"""A fourth provider that does not exist: what adding it takes, as files of its own (`new/`) and as lines (`lines/`).

A file of `new/` is the one of that path, with `.new` at its end. One of `lines/` says where its lines go in the file of
that path: `@@ before …` and `@@ after …` name the only line that begins so.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent
#: What a clone holds, as far as the checks look at it.
PARTS = (
    *("audit", "benchmarks", "clients", "docs", "events", "functions", "layers", "reference_pages", "requirements"),
    *("sandbox", "tests", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md"),
    *("pyproject.toml", "samconfig.toml", "template.yaml"),
)


@dataclass(frozen=True)
class Touched:
    """One file that was added or changed, and how many of its lines went."""

    path: str
    new: bool
    removed: int


def copy_of_the_tree(folder: Path) -> None:
    """Copy the clone without what is installed or built, and without the fourth provider's own test."""
    leave_out = shutil.ignore_patterns(
        "__pycache__", "node_modules", "dist", "fourth_provider", "test_adding_a_provider.py"
    )
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=leave_out)
        else:
            shutil.copy(source, folder / part)


def add_the_provider(folder: Path) -> None:
    """Put the new files and the lines into a copy, and make its pages.

    Raises ValueError where a line has no one place.
    """
    for path in sorted((FOLDER / "new").rglob("*.new")):
        target = folder / path.relative_to(FOLDER / "new").with_suffix("")
        if target.exists():
            raise ValueError(f"{target} is there already")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for path in sorted((FOLDER / "lines").rglob("*.lines")):
        target = folder / path.relative_to(FOLDER / "lines").with_suffix("")
        lines = target.read_text().splitlines(keepends=True)
        for where, start, added in _hunks(path.read_text()):
            at = _place(lines, start, target)
            lines[at + (where == "after") : at + (where == "after")] = added
        target.write_text("".join(lines))
    subprocess.run([sys.executable, "-B", "-m", "reference_pages"], cwd=folder, check=True)


def _hunks(text: str) -> Iterator[tuple[str, str, list[str]]]:
    for hunk in ("\n" + text.removesuffix("\n")).split("\n@@ ")[1:]:
        first, _, added = hunk.partition("\n")
        where, _, start = first.partition(" ")
        yield where, start, [f"{line}\n" for line in added.split("\n")]


def _place(lines: list[str], start: str, target: Path) -> int:
    found = [number for number, line in enumerate(lines) if line.startswith(start)]
    if len(found) != 1:
        raise ValueError(f"{len(found)} lines of {target} begin with {start!r}: one should")
    return found[0]


def touched(before: Path, after: Path) -> list[Touched]:
    """Return the differences between two trees, by path."""
    old, new = _files(before), _files(after)
    return [
        _difference(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _difference(path: str, old: str | None, new: str | None) -> Touched:
    was, now = (old or "").splitlines(), (new or "").splitlines()
    changes = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    removed = sum(to - start for kind, start, to, _, _ in changes if kind != "equal")
    return Touched(path, old is None, removed)
