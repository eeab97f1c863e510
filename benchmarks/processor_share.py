"""Limit a process to a share of one processor, as Lambda does after INIT.

Lambda gives a function memory / 1,769 MB of a processor. A control group of Linux does the same: in each period the
process runs for its share, and then waits for the next period. AWS does not publish its period. 20 ms are chosen here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from benchmarks.errors import CannotMeasureError

#: MB of memory that buy a whole processor (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
WHOLE_PROCESSOR = 1769
#: In microseconds.
PERIOD = 20_000
_NAME = "token-broker-bench-"


def share_of(memory: int) -> float:
    """Return the part of a processor that this memory in MB buys."""
    return memory / WHOLE_PROCESSOR


class ProcessorShare(Protocol):
    """Limit processes."""

    def limit(self, process: int) -> None:
        """Limit the process from now on."""


class ControlGroup:
    """Limit processes by moving them into this group."""

    def __init__(self, folder: Path) -> None:
        self._processes = folder / "cgroup.procs"

    def limit(self, process: int) -> None:
        """Move the process into the group. Raises `CannotMeasureError` if that is refused."""
        try:
            self._processes.write_text(str(process))
        except OSError as refused:
            raise CannotMeasureError(f"The process could not be limited: {refused}.") from None


@contextmanager
def control_group(share: float, process: Path = Path("/proc/self")) -> Iterator[ControlGroup]:
    """Yield a group below this process's own one, limited to the share. It is removed at the end.

    What a killed run left is removed first. Raises `CannotMeasureError` if no such group can be made.
    """
    try:
        parent = own_group(process)
        _remove_unused(parent)
        folder = parent / f"{_NAME}{os.getpid()}"
        folder.mkdir()
    except OSError as refused:
        raise CannotMeasureError(f"No control group can be made here: {refused.strerror or refused}.") from None
    try:
        try:
            _set_share(folder, share)
        except OSError as refused:
            raise CannotMeasureError(
                f"A control group cannot be limited here: {refused.strerror or refused}."
            ) from None
        yield ControlGroup(folder)
    finally:
        folder.rmdir()


def own_group(process: Path) -> Path:
    """Return the folder of the process's control group that limits processors. Raises `OSError` if there is none."""
    mounts = dict(filter(None, map(_mount, (process / "mountinfo").read_text().splitlines())))
    for line in (process / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        # Version 1 names its controllers. Version 2 names none. Its line comes last, and only counts without the other.
        version = "cpu" if "cpu" in controllers.split(",") else controllers
        if version in mounts:
            root, folder = mounts[version]
            return folder / path.removeprefix(root).lstrip("/")
    raise FileNotFoundError("this system has no control group of processors")


def _mount(line: str) -> tuple[str, tuple[str, Path]] | None:
    """Return "cpu" (version 1) or "" (version 2), with the group that is mounted and its folder."""
    before, _, after = line.partition(" - ")
    (_, _, _, root, folder, *_), (kind, _, options) = before.split(), after.split(" ", 2)
    if kind == "cgroup2":
        return "", (root, Path(folder))
    return ("cpu", (root, Path(folder))) if kind == "cgroup" and "cpu" in options.split(",") else None


def _set_share(folder: Path, share: float) -> None:
    quota = round(PERIOD * share)
    if (folder / "cpu.cfs_quota_us").exists():
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD))
        (folder / "cpu.cfs_quota_us").write_text(str(quota))
        return
    if not (folder / "cpu.max").exists():
        (folder.parent / "cgroup.subtree_control").write_text("+cpu")
    (folder / "cpu.max").write_text(f"{quota} {PERIOD}")


def _remove_unused(parent: Path) -> None:
    for left in parent.glob(f"{_NAME}*"):
        # One that is in use belongs to another run.
        with suppress(OSError):
            left.rmdir()
