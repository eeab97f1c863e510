"""Start processes that outlive their command, and stop exactly those.

A process is identified by its pid, its start time and a part of its command line. A process that has received the same
pid later does not match and is left alone. Each process leads its own session. This way it survives the terminal and is
stopped together with its children.
"""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from sandbox.settings import PROJECT

#: Seconds for a process to end by itself.
GRACE = 5.0
#: Seconds by which two readings of one start time may differ.
_ROUNDING = 2.0


@dataclass(frozen=True)
class Identity:
    """Identify a process that was started here.

    `started` is in seconds since the machine's start, which no change of its clock affects. `mark` is a part of its
    command line that no other process has.
    """

    pid: int
    started: float
    mark: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(int(value["pid"]), float(value["started"]), str(value["mark"]))

    def is_alive(self) -> bool:
        """Return whether exactly this process runs."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and abs(_started(process) - self.started) < _ROUNDING
                and self.mark in _command_of(process)
            )
        return False


def start(
    arguments: Sequence[str], *, mark: str, log: Path, environment: Mapping[str, str], folder: Path
) -> tuple[subprocess.Popen[bytes], Identity]:
    """Start a process. Its output goes to the log, and it reads no input."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    return process, Identity(process.pid, _started(psutil.Process(process.pid)), mark)


def last_error(log: Path) -> str:
    """Return the last line of a log, which names an exception, and the project's file that raised it."""
    written = log.read_text(errors="replace")
    last = next((line for line in reversed(written.splitlines()) if line.strip()), "it wrote nothing")
    places = re.findall(rf'File "{re.escape(str(PROJECT))}/(sandbox/.+)", line (\d+)', written)
    return f"{last} ({places[-1][0]}, line {places[-1][1]})" if places else last


def stop(identity: Identity) -> bool:
    """Stop a process and its children.

    Returns False if the process did not run.
    """
    if not identity.is_alive():
        return False
    signal_session(identity.pid, signal.SIGTERM)
    _wait_until(lambda: not identity.is_alive())
    # Children that ignored the first signal have no parent now and receive the second.
    signal_session(identity.pid, signal.SIGKILL)
    _wait_until(lambda: not identity.is_alive())
    return True


def stop_marked(marks: Sequence[str]) -> int:
    """Stop every process of this user whose command line contains one of the marks.

    Returns their number. This stops processes that a crash left without a record. A mark contains an absolute path of
    the stack's own folder.
    """
    found = _marked(marks)
    _signal(found, signal.SIGTERM)
    _wait_until(lambda: not _marked(marks))
    _signal(_marked(marks), signal.SIGKILL)
    return len(found)


def stop_sessions(mark: str) -> None:
    """Stop each session whose leader's command line contains the mark.

    This stops work that a killed command left running. It would collide with the same work started again.
    """

    def ended() -> bool:
        leaders = [process.pid for process in _marked([mark]) if _leads_session(process)]
        for pid in leaders:
            signal_session(pid, signal.SIGKILL)
        return not leaders

    _wait_until(ended)


def signal_session(leader: int, number: signal.Signals) -> None:
    """Send a signal to a process that leads a session, and to its children. Ignore that they have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def commands() -> Iterator[tuple[psutil.Process, str]]:
    """Yield this user's other processes, each with its command line, joined by blanks."""
    user = os.getuid()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.uids().effective == user:
                yield process, _command_of(process)


def _started(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _command_of(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _marked(marks: Sequence[str]) -> list[psutil.Process]:
    return [process for process, command in commands() if any(mark in command for mark in marks)]


def _signal(found: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _wait_until(done: Callable[[], bool]) -> None:
    """Return when it is done, or after the time that a process has to end by itself."""
    deadline = time.monotonic() + GRACE
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def _leads_session(process: psutil.Process) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(process.pid) == process.pid
    return False
