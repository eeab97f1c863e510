"""Start one fresh process, and measure its INIT, its first invocation, and warm calls."""

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import INVOCATIONS, RUNTIME_PYTHON
from benchmarks.processor_share import ProcessorShare

#: Seconds, and characters.
_LIMIT = 120
_LOG_SHOWN = 3000


@dataclass(frozen=True)
class Measured:
    """Hold the figures of a process until its first answer.

    `init` are the seconds from its start until `app` is imported. `first` are those of the first invocation. `cpu` are
    the seconds of user and system time of both. `peak` is in MiB. `modules` are the names of those loaded.
    """

    init: float
    first: float
    cpu: float
    peak: float
    modules: tuple[str, ...]
    body: str | None = None

    @property
    def wall(self) -> float:
        """Return the seconds of INIT and the first invocation together."""
        return self.init + self.first


class FreshProcess:
    """Run as a context manager a process with these folders on its path. It ends with the context.

    Each method raises `CannotMeasureError` if the process fails.
    """

    def __init__(self, folders: Sequence[Path], event: str, environment: Mapping[str, str]) -> None:
        self._name = folders[0].name
        self._event = event
        self._environment = {
            **environment,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's file system is read-only
        }

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._log = stack.enter_context(tempfile.TemporaryFile())
            reading, writing = os.pipe()
            self._reports = stack.enter_context(os.fdopen(reading))
            command = [str(RUNTIME_PYTHON), "-P", str(INVOCATIONS), str(writing)]
            self._started = time.monotonic()
            try:
                self._process = subprocess.Popen(
                    command,
                    env=self._environment,
                    pass_fds=[writing],
                    stdin=subprocess.PIPE,
                    stdout=self._log,
                    stderr=self._log,
                )
            finally:
                os.close(writing)
            stack.callback(self._end)
            watch = threading.Timer(_LIMIT, self._process.kill)
            watch.daemon = True
            watch.start()
            stack.callback(watch.cancel)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def first(self, status: int, share: ProcessorShare | None = None) -> Measured:
        """Return the figures of INIT and the first invocation, which has only the share of a processor if one is given.

        Raises `CannotMeasureError` if its status is another one.
        """
        ready = self._asked(self._event)["ready"]
        if share is not None:
            share.limit(self._process.pid)
        found = self._asked("invoke")
        if found["status"] != status:
            raise CannotMeasureError(f"{self._name} answered {found['status']}, not {status}.{self._logged()}")
        return Measured(
            init=ready - self._started,
            first=found["answered"] - found["called"],
            cpu=found["cpu"],
            peak=found["peak"],
            modules=tuple(found["modules"]),
            body=found["body"],
        )

    def again(self, seconds: float) -> tuple[int, float]:
        """Call the handler for so long, and return the number of calls and the median of their seconds."""
        found = self._asked(str(seconds))
        return found["calls"], found["median"]

    def _asked(self, command: str) -> Mapping[str, Any]:
        assert self._process.stdin is not None  # noqa: S101  # it is a pipe
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
            report: Mapping[str, Any] = json.loads(self._reports.readline())
        except (BrokenPipeError, ValueError):
            raise CannotMeasureError(f"{self._name} did not respond.{self._logged()}") from None
        return report

    def _logged(self) -> str:
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")[-_LOG_SHOWN:]
        return f" It logged:\n{text}" if text else ""

    def _end(self) -> None:
        self._process.kill()
        # An unwritten command fails here, since the process may have ended before.
        try:
            self._process.communicate()
        except BrokenPipeError:
            self._process.wait()


def measure(
    folders: Sequence[Path],
    event: str,
    environment: Mapping[str, str],
    *,
    status: int,
    share: ProcessorShare | None = None,
) -> Measured:
    """Start a process, and return its figures until its first answer.

    Raises `CannotMeasureError` if its status is another one.
    """
    with FreshProcess(folders, event, environment) as process:
        return process.first(status, share)
