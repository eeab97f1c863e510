"""Start a local stack for one measurement, and remove it afterward. Find one that is up."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import PROJECT
from sandbox.background import environment
from sandbox.local_stack import Stack

_FOLDER = PROJECT / ".local/bench"
_LINES_SHOWN = 10


@contextmanager
def own_stack() -> Iterator[Path]:
    """Yield the state folder of a stack that nobody else uses. Raises `CannotMeasureError` if it does not start."""
    try:
        done = _run("up")
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise CannotMeasureError("\n".join(["The local stack did not start:", *lines[-_LINES_SHOWN:]]))
        yield _FOLDER
    finally:
        _run("down")


def running_stack(folder: Path) -> Stack:
    """Return the stack of a state folder. Raises `CannotMeasureError` if none is up."""
    try:
        return Stack.read(folder)
    except (OSError, ValueError):
        raise CannotMeasureError(f"No local stack is up in {folder}.") from None


def _run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROJECT / ".venvs/local/bin/python"), "-m", "sandbox.stack", command],
        cwd=PROJECT,
        env=environment.base({"TOKEN_BROKER_STATE_DIR": str(_FOLDER)}),
        capture_output=True,
        text=True,
        check=False,
    )
