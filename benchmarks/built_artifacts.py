"""Measure the build: the layer's size and its bytecode."""

import importlib.util
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import BUILD
from sandbox.stack.template import function_id

#: PEP 552: the second word of a .pyc. Bit 0: by hash, not by time; bit 1: the source is read and compared at import.
_UNCHECKED_HASH = 1


@dataclass(frozen=True)
class Bytecode:
    """Hold counts of files. `problems` are sentences."""

    compiled: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """Hold sizes in bytes, unzipped, as AWS counts them."""

    size: int
    packages: tuple[tuple[str, int], ...]


class Build:
    """Find the folders of one build: one for each function, and the layer's."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._layer = root / "TokenBrokerLayer"

    def folders(self, function: str) -> tuple[Path, Path]:
        """Return the folders for /var/task and /opt/python, in Lambda's search order."""
        own = self._root / function_id(function)
        if not (own / "app.py").exists() or not (self._layer / "python").is_dir():
            raise CannotMeasureError(f"The build lacks the function {function}, or its layer.")
        return own, self._layer / "python"

    def layer(self) -> Layer:
        """Return the layer's size and its packages, the largest first."""
        sizes: Counter[str] = Counter()
        for path in _files(self._layer):
            inside = path.relative_to(self._layer).parts
            sizes[inside[1] if len(inside) > 2 else inside[0]] += path.stat().st_size
        return Layer(sizes.total(), tuple(sizes.most_common()))

    def bytecode(self, functions: Iterable[str]) -> Bytecode:
        """Return whether all modules of these functions and the layer have bytecode that Python uses unchecked."""
        folders = sorted({folder for function in functions for folder in self.folders(function)})
        return _bytecode(self._root, folders)


@contextmanager
def built(folder: Path = BUILD) -> Iterator[Build]:
    """Yield a copy of the build.

    A build that runs meanwhile does not change the measurement.
    """
    if not folder.is_dir():
        raise CannotMeasureError("Nothing is built: run `make bench`.")
    with tempfile.TemporaryDirectory(prefix="token-broker-bench-") as temporary:
        yield Build(Path(shutil.copytree(folder, Path(temporary) / "build")))


def _bytecode(root: Path, folders: Iterable[Path]) -> Bytecode:
    problems = []
    compiled = 0
    for source in (path for folder in folders for path in _files(folder) if path.suffix == ".py"):
        name = source.relative_to(root)
        cached = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        if not cached.exists():
            problems.append(f"{name} has no bytecode")
            continue
        compiled += 1
        head = cached.read_bytes()[:8]
        if head[:4] != importlib.util.MAGIC_NUMBER:
            problems.append(f"{name} was compiled by another Python")
        elif int.from_bytes(head[4:], "little") != _UNCHECKED_HASH:
            problems.append(f"{name} was not compiled as unchecked-hash")
    return Bytecode(compiled, tuple(problems))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
