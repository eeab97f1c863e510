"""The emulator unpacks a function's code and the layer for each process that it starts: a thousand files, a fifth of a
second in which it answers nobody. Here each archive is unpacked once, and a process gets links to what is there.
"""

import hashlib
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Self


class Archives:
    """What was unpacked, each archive in a folder that its contents name. For one process, from any of its threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, archive: Path) -> Path:
        """The folder with the archive's files; nobody may change them. Raises OSError, zipfile.BadZipFile."""
        with archive.open("rb") as file:
            place = self._folder / hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            if not place.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                new = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(new)
                new.rename(place)  # so that a folder with that name is whole, whenever the process ends
        return place


class LinkedArchive:
    """As much of `zipfile.ZipFile` as the emulator uses."""

    def __init__(self, archives: Archives, path: str) -> None:
        self._files = archives.unpacked(Path(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def namelist(self) -> list[str]:
        """What `extractall` puts into its target; the emulator looks whether any of it would lie elsewhere."""
        return [each.name for each in self._files.iterdir()]

    def extractall(self, target: str) -> None:
        for each in self._files.iterdir():
            (Path(target) / each.name).symlink_to(each)


def zipfile_with_shared_files(folder: Path) -> SimpleNamespace:
    """The module `zipfile` for the emulator's use; `folder` takes what is unpacked."""
    archives = Archives(folder)
    return SimpleNamespace(**{**vars(zipfile), "ZipFile": lambda path: LinkedArchive(archives, path)})
