"""Run `sam build` on the template, unless nothing that it reads has changed.

Compiled packages differ between machines. The build for AWS and the build for the local stack are in separate folders.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.background import processes
from sandbox.background.state import State, locked
from sandbox.errors import StackError
from sandbox.settings import PROJECT, Settings
from sandbox.stack.sam import BUILD_FOLDER, run_sam, sam_mark


@dataclass(frozen=True)
class Target:
    """Describe the target of a build: the folder of its files, and the variables for the Makefiles.

    SAM writes the digests of the sources that it has built to `root`. Two targets in one folder would share them, and
    one would keep the old artifact of a source that only the other has built again.
    """

    root: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.root / "build"

    @property
    def template(self) -> Path:
        """Return the built template, which `sam deploy` deploys."""
        return self.folder / "template.yaml"


#: The folder that `sam deploy` uses by default.
AWS = Target(BUILD_FOLDER)
THIS_MACHINE = Target(BUILD_FOLDER / "this-machine", {"WHEELS_FOR": "this-machine"})

#: A first build downloads the layer's packages.
_LIMIT = 300


@contextmanager
def build_folder() -> Iterator[None]:
    """Lock the build folder, which all stacks of one clone share."""
    busy = "Another command has been building in this folder for five minutes. Wait for it, or stop it."
    with locked(BUILD_FOLDER / "lock", busy=busy, seconds=_LIMIT):
        for name in ("build", "deploy"):  # A killed command releases the lock, but its `sam` keeps running.
            processes.stop_sessions(sam_mark(name))
        yield


def build(settings: Settings, state: State | None, target: Target) -> str:
    """Bring the target's folder up to date, and return the digest of its sources.

    Call it inside `build_folder`.
    """
    if not settings.runtime_python.exists():
        raise StackError("The environment .venvs/runtime is missing. Run `make setup` or `make up`.")
    digest, written = sources_digest(), target.root / "build.sha256"
    if target.template.exists() and written.exists() and written.read_text() == digest:
        return digest
    if shutil.which("make") is None:
        raise StackError("`sam build` needs make. Install it ('sudo apt-get install make', 'xcode-select --install').")
    written.unlink(missing_ok=True)
    run_sam(
        settings,
        state,
        *("build", "--template-file", "template.yaml"),
        *("--build-dir", str(target.folder), "--cache-dir", str(target.root / "cache")),
        variables=target.variables,
        path=str(settings.runtime_python.parent),
        seconds=_LIMIT,
    )
    written.write_text(digest)
    return digest


def sources_digest() -> str:
    """Return the SHA-256 of the names and contents of everything that the build reads."""
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PROJECT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (PROJECT / name for name in ("template.yaml", "samconfig.toml", "requirements/runtime.txt"))
    for folder in ("functions", "layers"):
        for path in (PROJECT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
