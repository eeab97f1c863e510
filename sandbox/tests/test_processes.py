"""Background processes are stopped with their children, and no other process is."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sandbox.background import processes
from sandbox.background.servers import Server
from sandbox.background.state import State
from sandbox.errors import StackError
from sandbox.settings import Settings
from sandbox.stack import build

#: This process notes its child, which ignores SIGTERM, and waits. So does the other, which ignores it, too.
STUBBORN = "trap '' TERM; sleep 60 & echo $! >child; wait"
LEADER = STUBBORN.replace("wait", "trap - TERM; wait")


class Background:
    """A process with a child. `command` is its command line, by which it is found."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        self.command = f"{folder} -m samcli build "
        arguments = ["sh", "-c", script, str(folder), "-m", "samcli", "build", "."]
        self.process, self.identity = processes.start(
            arguments, mark=self.command, log=folder / "log", environment={"PATH": "/usr/bin:/bin"}, folder=folder
        )
        while not (folder / "child").exists() or not (folder / "child").read_text():
            time.sleep(0.02)
        self.child = int((folder / "child").read_text())

    def wait(self) -> int:
        """Return the process's exit status, after its child has ended, too."""
        deadline = time.monotonic() + 2
        while psutil.pid_exists(self.child) and psutil.Process(self.child).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the child still runs"
            time.sleep(0.02)
        return self.process.wait(2)


@contextmanager
def running(folder: Path, script: str) -> Iterator[Background]:
    started = Background(folder, script)
    try:
        yield started
    finally:
        processes.signal_session(started.identity.pid, signal.SIGKILL)
        started.process.wait()


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Background]:
    with running(tmp_path, LEADER) as started:
        yield started


def test_a_stopped_process_ends_with_its_children_and_only_once(background: Background) -> None:
    assert background.identity.is_alive()

    assert processes.stop(background.identity) is True

    assert background.wait() == -signal.SIGTERM
    assert processes.stop(background.identity) is False


@pytest.mark.parametrize("found_by", ["its record", "its command line"])
def test_a_process_that_ignores_the_first_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_by: str
) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.2)
    with running(tmp_path, STUBBORN) as background:
        assert processes.stop_marked([f"{tmp_path} -m another "]) == 0
        assert background.identity.is_alive()

        if found_by == "its record":
            assert processes.stop(background.identity) is True
        else:
            assert processes.stop_marked([background.command]) == 1

        assert background.process.wait(2) == -signal.SIGKILL


@pytest.mark.parametrize("change", [{"started": 1.0}, {"mark": "another mark"}])
def test_another_process_with_the_same_pid_is_left_alone(background: Background, change: dict[str, object]) -> None:
    other = replace(background.identity, **change)  # type: ignore[arg-type]

    assert other.is_alive() is False
    assert processes.stop(other) is False
    assert background.identity.is_alive()


def test_an_identity_survives_the_state_file(background: Background) -> None:
    State(background.folder / "state.json").remember("build", background.identity)

    assert State(background.folder / "state.json").process("build") == background.identity


def test_a_build_begins_once_what_a_killed_one_left_at_work_is_ended(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sam` leads a session of its own, and outlives who started it; so does its pip."""
    monkeypatch.setattr(build, "BUILD_FOLDER", background.folder)
    monkeypatch.setattr(build, "sam_mark", lambda name: f"{background.folder} -m samcli {name} ")
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:  # noqa: S607
        try:
            with build.build_folder():
                assert background.wait() == -signal.SIGKILL
                assert other.poll() is None, "it is nobody's build"
        finally:
            other.kill()


def test_a_server_that_does_not_start_is_named_with_the_reason_and_its_log(tmp_path: Path) -> None:
    settings = replace(Settings(tmp_path), local_python=Path(sys.executable))
    server = Server("simulators", "The provider simulators", tmp_path / "no folder" / "ready.json")

    with pytest.raises(StackError, match="The provider simulators ended while starting: ") as failed:
        server.start(settings, State(settings.state_file))

    assert "no folder" in str(failed.value)
    assert failed.value.log == tmp_path / "logs/simulators.log"


def test_a_build_without_make_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = replace(Settings(tmp_path), runtime_python=Path(sys.executable))

    with pytest.raises(StackError, match=r"needs make\. Install it"):
        build.build(settings, None, build.Target(tmp_path))
