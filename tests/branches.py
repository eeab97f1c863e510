"""What the tests took of the branches of the layer and of every handler, held to a least share.

Coverage's own figure mixes lines and branches, and lines are the easier half. `make coverage` runs this on the data
that it has gathered: `python -m tests.branches`.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
#: In percent of all branches.
LEAST = 97
#: What must have been loaded.
MEASURED = ("layers/token_broker/token_broker/**/*.py", "functions/**/*.py")


@dataclass(frozen=True, slots=True)
class Branches:
    """Those that were taken, those that are there, and the modules that no test loaded."""

    taken: int
    there: int
    unloaded: list[str]

    @property
    def complaints(self) -> list[str]:
        """One sentence for each thing that is not as wanted."""
        sentences = [f"No test loads {path}." for path in self.unloaded]
        if self.taken * 100 < self.there * LEAST:
            sentences.append(f"{LEAST} % of the branches are wanted.")
        return sentences


def branches_in(report: dict[str, Any], modules: list[str]) -> Branches:
    """`report` is coverage's JSON; `modules` are the paths that it must know, relative to the project's folder."""
    totals = {path: each["summary"] for path, each in report["files"].items()}
    return Branches(
        taken=sum(each["covered_branches"] for each in totals.values()),
        there=sum(each["num_branches"] for each in totals.values()),
        unloaded=[path for path in modules if path not in totals or _untouched(totals[path])],
    )


def _untouched(summary: dict[str, int]) -> bool:
    return summary["num_statements"] > 0 and summary["covered_lines"] == 0


def _gathered() -> dict[str, Any]:
    coverage = Coverage()
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "coverage.json")
        coverage.json_report(outfile=str(path))
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def main() -> None:
    """Report the branches and exit with 1 if a share is too low."""
    modules = sorted(path.relative_to(ROOT).as_posix() for pattern in MEASURED for path in ROOT.glob(pattern))
    branches = branches_in(_gathered(), modules)
    sys.stdout.write(f"Branches: {branches.taken} of {branches.there}, {100 * branches.taken / branches.there:.1f} %\n")
    if branches.complaints:
        sys.exit("\n".join(branches.complaints))


if __name__ == "__main__":
    main()
