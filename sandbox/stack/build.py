"""`sam build` of the template, skipped when nothing it reads has changed.

Compiled packages differ from machine to machine, so a build for AWS and one for the local stack lie side by side.
"""

import hashlib
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
    """What a build is for: its folder's name, and what functions/Makefile is told."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return BUILD_FOLDER / self.name

    @property
    def template(self) -> Path:
        """The built template, which `sam deploy` takes."""
        return self.folder / "template.yaml"


#: Where `sam deploy` looks by itself.
AWS = Target("build")
THIS_MACHINE = Target("this-machine", {"WHEELS_FOR": "this-machine"})

#: A first build downloads the layer's packages.
_LIMIT = 300


@contextmanager
def build_folder() -> Iterator[None]:
    """Keep the build for oneself: the stacks of one clone share it."""
    busy = "Another command has been building in this folder for five minutes: wait for it, or stop it."
    with locked(BUILD_FOLDER / "lock", busy=busy, seconds=_LIMIT):
        for name in ("build", "deploy"):  # nobody else's: a killed command let go of the lock, and not of its `sam`
            processes.stop_sessions(sam_mark(name))
        yield


def build(settings: Settings, state: State | None, target: Target) -> str:
    """Bring the target's folder up to date; the digest of what it was made from. Call inside `build_folder`."""
    if not settings.runtime_python.exists():
        raise StackError("The environment .venvs/runtime is missing: run `make setup`, or `make up` itself.")
    digest, written = sources_digest(), BUILD_FOLDER / f"{target.name}.sha256"
    if target.template.exists() and written.exists() and written.read_text() == digest:
        return digest
    written.unlink(missing_ok=True)
    run_sam(
        settings,
        state,
        *("build", "--template-file", "template.yaml"),
        *("--build-dir", str(target.folder), "--cache-dir", str(BUILD_FOLDER / f"cache-{target.name}")),
        variables=target.variables,
        path=str(settings.runtime_python.parent),
        seconds=_LIMIT,
    )
    written.write_text(digest)
    return digest


def sources_digest() -> str:
    """SHA-256 over the names and contents of everything that the build reads."""
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
