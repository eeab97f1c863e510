"""Start one fresh process, and measure it until its first response."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import FIRST_RESPONSE, RUNTIME_PYTHON

#: Seconds, and characters.
_LIMIT = 60
_LOG_SHOWN = 3000


@dataclass(frozen=True)
class Measured:
    """Seconds from the start of the process: `wall` is elapsed time, `cpu` user and system time; `peak` in MiB.

    `more` has the `names` of the modules, and what a run of warm calls adds.
    """

    wall: float
    cpu: float
    peak: float
    modules: int
    loaded: tuple[str, ...]
    more: Mapping[str, Any]


def measure(
    folders: Sequence[Path], event: str, environment: Mapping[str, str], *, status: int, warm_seconds: float = 0
) -> Measured:
    """Start a process with these folders on its path, and read its report.

    Raises `CannotMeasureError` if its status is another one.
    """
    whole = {
        **environment,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's file system is read-only
    }
    reading, writing = os.pipe()
    command = [str(RUNTIME_PYTHON), "-P", str(FIRST_RESPONSE), str(writing)]
    if warm_seconds:
        command.append(str(warm_seconds))
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said, os.fdopen(reading) as report:
        asked.write(event.encode())
        asked.seek(0)
        started = time.monotonic()
        try:
            process = subprocess.Popen(command, env=whole, pass_fds=[writing], stdin=asked, stdout=said, stderr=said)
        finally:
            os.close(writing)
        try:
            process.wait(_LIMIT)
        finally:
            process.kill()
        text = report.read()
        said.seek(0)
        log = said.read().decode(errors="replace")[-_LOG_SHOWN:]
    if not text:
        raise CannotMeasureError(f"{folders[0].name} did not respond:\n{log}")
    figures = json.loads(text)
    if figures["status"] != status:
        raise CannotMeasureError(f"{folders[0].name} answered {figures['status']}, not {status}. It logged:\n{log}")
    return Measured(
        wall=figures.pop("answered") - started,
        cpu=figures.pop("cpu"),
        peak=figures.pop("peak"),
        modules=figures.pop("modules"),
        loaded=tuple(figures.pop("loaded")),
        more=figures,
    )
