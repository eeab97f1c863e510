"""Unpack each archive once for all function processes.

The emulator unpacks a function's code and the layer for each process that it starts. These are a thousand files. It
responds to nobody meanwhile, for a fifth of a second. Here a process receives links to files that are unpacked already.
"""

import hashlib
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Self


class Archives:
    """Keep unpacked archives, each in a folder named by the digest of its contents.

    All threads of one process can share it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, archive: Path) -> Path:
        """Return the folder with the archive's files, which nobody may change.

        Raises `OSError` or `zipfile.BadZipFile`.
        """
        with archive.open("rb") as file:
            target = self._folder / hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            if not target.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                new = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(new)
                new.rename(target)  # a folder with this name is complete, even if the process dies
        return target


class LinkedArchive:
    """Implement the part of `zipfile.ZipFile` that the emulator uses."""

    def __init__(self, archives: Archives, path: str) -> None:
        self._files = archives.unpacked(Path(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def namelist(self) -> list[str]:
        """Return the names that `extractall` creates.

        The emulator checks that none of them lies outside the target.
        """
        return [each.name for each in self._files.iterdir()]

    def extractall(self, target: str) -> None:
        for each in self._files.iterdir():
            (Path(target) / each.name).symlink_to(each)


def zipfile_with_shared_files(folder: Path) -> SimpleNamespace:
    """Return a replacement of the module `zipfile` for the emulator.

    `folder` receives the unpacked archives.
    """
    archives = Archives(folder)
    return SimpleNamespace(**{**vars(zipfile), "ZipFile": lambda path: LinkedArchive(archives, path)})
