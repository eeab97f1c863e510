"""The artifacts of another commit, built from a clean checkout by that commit's own code."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.built_artifacts import Build, built
from benchmarks.errors import CannotMeasureError
from benchmarks.paths import PROJECT
from sandbox.background import environment

_LINES_SHOWN = 10


@dataclass(frozen=True)
class OtherCommit:
    """A commit's checkout and build. `name` is what the caller wrote, with the commit's id."""

    name: str
    project: Path
    build: Build


@contextmanager
def built_at(commit: str) -> Iterator[OtherCommit]:
    """Build the commit in a temporary folder, which is removed at the end.

    The environments of this checkout serve that build, so nothing is installed. Raises `CannotMeasureError` if there is
    no such commit, or if its build fails.
    """
    found = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if found.returncode:
        raise CannotMeasureError(f"This clone has no commit {commit}: fetch it, or name another one.")
    digest = found.stdout.decode().strip()
    name = digest[:7] if digest.startswith(commit) else f"{commit} ({digest[:7]})"
    with tempfile.TemporaryDirectory(prefix="token-broker-bench-") as folder:
        project = Path(folder).resolve()
        with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", digest).stdout)) as archive:
            archive.extractall(project, filter="data")
        (project / ".venvs").symlink_to(PROJECT / ".venvs")
        _build(project, name)
        # Not every commit builds into the same folder.
        template = next((project / ".aws-sam").rglob("template.yaml"))
        # A copy like that of this checkout, so that both lie in folders of the same kind.
        with built(template.parent) as build:
            yield OtherCommit(name, project, build)


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(PROJECT), *arguments], capture_output=True, check=False)  # noqa: S607
    except FileNotFoundError:
        raise CannotMeasureError("Another commit is read with git, which is not installed.") from None


def _build(project: Path, name: str) -> None:
    """Run the build of that checkout. Nothing of the caller's Python, and no other state folder, reaches it."""
    done = subprocess.run(
        [str(project / ".venvs/local/bin/python"), "-m", "sandbox.stack", "build-here"],
        cwd=project,
        env=environment.base({"TOKEN_BROKER_STATE_DIR": str(project / ".local")}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # The log that it names is removed with the folder.
        said = [file.read_text(errors="replace") for file in (project / ".local").rglob("*.log")] + [done.stderr]
        lines = [line for text in said for line in text.splitlines() if line.strip() and "  Log: " not in line]
        raise CannotMeasureError("\n".join([f"The build of {name} failed:", *lines[-_LINES_SHOWN:]]))
