"""Find the built artifacts, and measure the layer's size."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import CannotMeasureError
from benchmarks.paths import BUILD
from sandbox.stack.template import function_id


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
        if not (own / "app.py").exists() or not self.layer_folder.is_dir():
            raise CannotMeasureError(f"The build lacks the function {function}, or its layer.")
        return own, self.layer_folder

    @property
    def layer_folder(self) -> Path:
        """Return the folder for /opt/python."""
        return self._layer / "python"

    def layer(self) -> Layer:
        """Return the layer's size and its packages, the largest first."""
        sizes: Counter[str] = Counter()
        for path in (path for path in self._layer.rglob("*") if path.is_file() and not path.is_symlink()):
            inside = path.relative_to(self._layer).parts
            sizes[inside[1] if len(inside) > 2 else inside[0]] += path.stat().st_size
        return Layer(sizes.total(), tuple(sizes.most_common()))


@contextmanager
def built(folder: Path = BUILD) -> Iterator[Build]:
    """Yield a copy of the build.

    A build that runs meanwhile does not change the measurement.
    """
    if not folder.is_dir():
        raise CannotMeasureError("Nothing is built: run `make bench`.")
    with tempfile.TemporaryDirectory(prefix="token-broker-bench-") as temporary:
        yield Build(Path(shutil.copytree(folder, Path(temporary) / "build")))
