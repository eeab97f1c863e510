"""What the build for this machine has left: one folder for each function, and the layer's."""

from collections.abc import Iterator
from pathlib import Path

from sandbox.settings import PROJECT
from sandbox.stack.build import THIS_MACHINE
from sandbox.stack.template import function_folders, function_id

BUILD = THIS_MACHINE.folder
LAYER = BUILD / "TokenBrokerLayer"
FUNCTIONS = function_folders(PROJECT)


def folder_of(function: str) -> Path:
    """Return the folder of a function's built artifact, for example of `lifecycle/maintain`."""
    return BUILD / function_id(function)


def files(folder: Path) -> Iterator[Path]:
    """All files, as paths below the folder."""
    return (path.relative_to(folder) for path in sorted(folder.rglob("*")) if not path.is_dir())


def bytes_of(folder: Path) -> int:
    """Unzipped, as AWS counts."""
    return sum((folder / path).lstat().st_size for path in files(folder))
