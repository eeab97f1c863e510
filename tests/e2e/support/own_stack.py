"""A local stack for the tests alone: in a folder of its own, on free ports, and gone afterwards whatever happens."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.background import processes
from sandbox.simulators.descriptor import providers
from tests.reference.paths import local_python

PROJECT = Path(__file__).resolve().parents[3]
#: Seconds; a first build downloads the layer's packages.
UP_LIMIT, DOWN_LIMIT = 420, 90
#: What a developer has set for a stack of theirs must not steer this one.
_DROPPED = ("TOKEN_BROKER_", "LOOPBACK_JWKS_ORIGIN", *(f"{provider.upper()}_BASE_URL" for provider in providers()))


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    """Create a state folder, and at the end remove it and every process that belongs to it.

    The terminal's Ctrl-C, and a CI's SIGTERM, end the tests and then come here; a second one waits until all is
    clean.
    """
    folder = Path(tempfile.mkdtemp(prefix="token-broker-e2e-")).resolve()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield folder
    finally:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            _clean_up(folder)
        finally:
            signal.signal(signal.SIGINT, interrupt)
            signal.signal(signal.SIGTERM, before)


def _clean_up(folder: Path) -> None:
    """`down`, which has to do it all; what it leaves is ended here, and is an error."""
    try:
        ended = run("down", folder, limit=DOWN_LIMIT)
    finally:
        left = processes_of(folder)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    assert ended.returncode == 0, f"`down` failed: {ended.stdout}"
    assert left == {}, f"`down` left processes running: {left}"
    assert not folder.exists()


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it said."""

    returncode: int
    stdout: str


def run(command: str, folder: Path, *, limit: float, **more: str) -> Ended:
    """`python -m sandbox.stack COMMAND` on that state folder; `more` goes into its environment.

    Raises TimeoutExpired after `limit` seconds.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    process = subprocess.Popen(
        [str(local_python()), "-m", "sandbox.stack", command],
        cwd=PROJECT,
        env={**environment, "TOKEN_BROKER_STATE_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Not reached by the terminal's Ctrl-C: it is stopped from here, and cleaned up after.
        start_new_session=True,
    )
    with process:
        try:
            said, _ = process.communicate(timeout=limit)
        finally:
            # subprocess.run would leave it unawaited after a Ctrl-C.
            process.kill()
            process.wait()
    return Ended(process.returncode, said)


def bring_up(folder: Path, **more: str) -> dict[str, Any]:
    """Start a stack and return its stack.json. Raises AssertionError with the end of its logs.

    `more` goes into the environment of `up`.
    """
    ended = run("up", folder, limit=UP_LIMIT, **more)
    if ended.returncode != 0:
        raise AssertionError(f"The stack did not come up:\n{ended.stdout}\n{_last_lines(folder / 'logs')}")
    described: dict[str, Any] = json.loads((folder / "stack.json").read_text())
    return described


def processes_of(folder: Path) -> dict[int, str]:
    """Return the pid and the command line of each process whose command line contains the folder."""
    return {process.pid: command for process, command in processes.commands() if str(folder) in command}


def _last_lines(logs: Path) -> str:
    ends = (f"--- {log.name}\n" + "".join(log.open().readlines()[-15:]) for log in sorted(logs.glob("*.log")))
    return "\n".join(ends)
