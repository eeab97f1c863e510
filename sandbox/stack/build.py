"""`sam build` of the template, skipped when nothing it reads has changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.stack.errors import StackError
from sandbox.stack.sam import BUILD_FOLDER, run_sam
from sandbox.stack.settings import PROJECT, Settings
from sandbox.stack.state import State, locked

TEMPLATE = BUILD_FOLDER / "build/template.yaml"
_DIGEST = BUILD_FOLDER / "built.sha256"
#: A first build downloads the layer's packages.
_LIMIT = 300


@contextmanager
def build_folder() -> Iterator[None]:
    """Keep the build for oneself: the stacks of one clone share it."""
    busy = "Another command has been building in this folder for five minutes: wait for it, or stop it."
    with locked(BUILD_FOLDER / "lock", busy=busy, seconds=_LIMIT):
        yield


def build(settings: Settings, state: State | None) -> str:
    """Bring .aws-sam/build up to date; the digest of what it was made from. Call inside `build_folder`."""
    if not settings.runtime_python.exists():
        raise StackError("The environment .venvs/runtime is missing: run `make setup`, or `make up` itself.")
    digest = sources_digest()
    if TEMPLATE.exists() and _DIGEST.exists() and _DIGEST.read_text() == digest:
        return digest
    _DIGEST.unlink(missing_ok=True)
    run_sam(
        settings,
        state,
        *("build", "--template-file", "template.yaml"),
        *("--build-dir", str(TEMPLATE.parent), "--cache-dir", str(BUILD_FOLDER / "cache")),
        path=str(settings.runtime_python.parent),
        seconds=_LIMIT,
    )
    _DIGEST.write_text(digest)
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
