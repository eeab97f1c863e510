"""Run the SAM CLI with a time limit and a log, and without telemetry."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sandbox.background import environment, processes
from sandbox.background.state import State
from sandbox.errors import StackError
from sandbox.settings import PROJECT, Settings

BUILD_FOLDER = PROJECT / ".aws-sam"
_SETTINGS_FOLDER = BUILD_FOLDER / "cli"


def run_sam(
    settings: Settings,
    state: State | None,
    *arguments: str,
    endpoint: str | None = None,
    path: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float,
) -> None:
    """Run `sam` in the project.

    Records the process in `state`, so `down` can stop it if this command is killed. Raises `StackError` with the
    probable reason.
    """
    name = arguments[0]
    log = settings.logs / f"sam-{name}.log"
    _skip_version_check()
    chosen = environment.sam(_SETTINGS_FOLDER, endpoint)
    if path:
        chosen |= {"PATH": f"{path}{os.pathsep}{chosen.get('PATH', os.defpath)}", "PYTHON": f"{path}/python"}
    chosen |= variables or {}
    # SAM would look beside the template, which for a deploy is the built one.
    config = ["--config-file", str(PROJECT / "samconfig.toml"), "--config-env", "local"]
    command = [str(settings.local_python), "-m", "samcli", *arguments, *config]
    # Each makefile build of SAM leaves a folder in the temporary folder.
    scratch = tempfile.mkdtemp(prefix="tmp-", dir=BUILD_FOLDER)
    chosen |= {"TMPDIR": scratch}
    process, identity = processes.start(command, mark=sam_mark(name), log=log, environment=chosen, folder=PROJECT)
    if state is not None:
        state.remember(f"sam {name}", identity)
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise StackError(f"`sam {name}` did not end within {seconds:.0f} s and was stopped.", log) from None
    finally:
        # Also after Ctrl-C, because the terminal's signal does not reach another session.
        processes.signal_session(process.pid, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)
        if state is not None:
            state.forget(f"sam {name}")
    if status != 0:
        raise StackError(f"`sam {name}` failed: {_failure_reason(log)}", log)


def sam_mark(name: str) -> str:
    """Return the part of the command line that identifies a `sam` command of this clone."""
    return f"{PROJECT / '.venvs/local/bin/python'} -m samcli {name} "


def _failure_reason(log: Path) -> str:
    """Return the line of the log that probably gives the reason."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    if any("NewConnectionError" in line or "NameResolutionError" in line for line in lines):
        return "no package registry responds. Connect this machine to the network, then run the same command again."
    telling = [
        line for line in lines if line.startswith(("Error", "Build Failed", "make: ***")) or "No such file" in line
    ]
    return (telling or lines or ["it wrote nothing"])[-1][:300]


def _skip_version_check() -> None:
    """Record a version check as done just now, so SAM does not ask a registry for its newest version."""
    file = _SETTINGS_FOLDER / "metadata.json"
    if not file.exists() or time.time() - file.stat().st_mtime > 86_400:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))
