"""What mutmut has found out about one module, read from what it leaves in its folder."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: Exit codes that mutmut writes down: pytest's for a failed test and for one that broke it, and those of runs that were
#: ended because they took far too long.
_NOTICED = (1, 3, 24, -24, 36, 152, 255)
#: Every test passed; there was no test to run.
_UNNOTICED = (0, 5, 33)


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """A change that every test put up with. `change` has the lines as they were (-) and as they became (+)."""

    function: str
    change: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of `total` changes, those that went unnoticed; a test noticed each of the others."""

    total: int
    unnoticed: list[Unnoticed]


def verdicts_of(folder: Path, module: str) -> Verdicts:
    """`folder` is where mutmut ran. Raises AssertionError where a change was not tried to its end."""
    meta = folder / "mutants/src/token_broker" / f"{module}.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    assert codes, f"mutmut found nothing to change in {module}"
    untried = [name for name, code in codes.items() if code not in _NOTICED + _UNNOTICED]
    assert not untried, f"mutmut did not try {untried}"
    return Verdicts(len(codes), [_shown(folder, name) for name, code in codes.items() if code in _UNNOTICED])


def _shown(folder: Path, name: str) -> Unnoticed:
    command = [sys.executable, "-m", "mutmut", "show", name]
    shown = subprocess.run(command, cwd=folder, check=True, timeout=60, capture_output=True, text=True)
    lines = [line for line in shown.stdout.splitlines() if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]
    function = name.rpartition(".")[2].partition("__mutmut_")[0].lstrip("x").strip("_ǁ").replace("ǁ", ".")
    return Unnoticed(function, "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines))
