"""Start processes that outlive their command, and stop exactly those.

A process is identified by its pid, its start time and a part of its command line. A process that has received the same
pid later does not match and is left alone. Each process leads its own session. This way it survives the terminal and is
stopped together with its children.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

PROC = Path("/proc")
#: Seconds for a process to end by itself.
GRACE = 5.0


@dataclass(frozen=True)
class Identity:
    """Identify a process that was started here.

    `mark` is a part of its command line that no other process has.
    """

    pid: int
    started: str
    mark: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(int(value["pid"]), str(value["started"]), str(value["mark"]))

    def is_alive(self) -> bool:
        """Return whether exactly this process runs."""
        return started_at(self.pid) == self.started and self.mark in command_of(self.pid)


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
    return process, Identity(process.pid, started_at(process.pid) or "", mark)


def stop(identity: Identity) -> bool:
    """Stop a process and its children.

    Returns False if the process did not run.
    """
    if not identity.is_alive():
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(identity.pid, number)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            if not identity.is_alive():
                # Children that ignored the first signal have no parent now and receive the second.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(identity.pid, signal.SIGKILL)
                return True
            time.sleep(0.05)
    return True


def stop_marked(marks: Sequence[str]) -> int:
    """Stop every process of this user whose command line contains one of the marks.

    Returns their number. This stops processes that a crash left without a record. A mark contains an absolute path of
    the stack's own folder.
    """
    found = _processes_with(marks)
    _signal(found, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while (left := _processes_with(marks)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(left, signal.SIGKILL)
    return len(found)


def stop_sessions(mark: str) -> None:
    """Stop each session whose leader's command line contains the mark.

    This stops work that a killed command left running. It would collide with the same work started again.
    """
    deadline = time.monotonic() + GRACE
    while (found := [pid for pid in _processes_with([mark]) if _leads_session(pid)]) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        time.sleep(0.05)


def _leads_session(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid) == pid
    return False


def _processes_with(marks: Sequence[str]) -> list[int]:
    return [pid for pid, command in commands() if any(mark in command for mark in marks)]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def started_at(pid: int) -> str | None:
    """Return a process's start time, in a form for comparison only.

    Returns None if the process does not exist or has ended.
    """
    _reap(pid)
    if (PROC / "self/stat").exists():
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    return _ps("-p", str(pid), "-o", "lstart=") or None


def command_of(pid: int) -> str:
    """Return the command line, joined by blanks, or an empty string if there is no such process."""
    if (PROC / "self/stat").exists():
        try:
            raw = (PROC / str(pid) / "cmdline").read_bytes()
        except OSError:
            return ""
        return raw.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return _ps("-p", str(pid), "-o", "command=")


def commands() -> Iterator[tuple[int, str]]:
    """Yield this user's other processes, each with its command line.

    Uses `ps` only if there is no /proc.
    """
    user = os.getuid()
    if (PROC / "self/stat").exists():
        for entry in PROC.iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdecimal() and int(entry.name) != os.getpid() and entry.stat().st_uid == user:
                    yield int(entry.name), command_of(int(entry.name))
        return
    for line in _ps("-x", "-o", "pid=,command=").splitlines():
        pid, _, command = line.strip().partition(" ")
        if pid.isdecimal() and int(pid) != os.getpid():
            yield int(pid), command


def _ps(*options: str) -> str:
    command = ["ps", *options]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return found.stdout.strip()


def _reap(pid: int) -> None:
    """Reap an ended child, which would otherwise look alive."""
    with contextlib.suppress(ChildProcessError, OSError):
        os.waitpid(pid, os.WNOHANG)
