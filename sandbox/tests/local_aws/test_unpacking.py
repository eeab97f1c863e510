"""Function processes of the local stack share what was unpacked once, and see what each would have unpacked."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.local_aws.unpacking import Archives, zipfile_with_shared_files

FILES = {"app.py": "print()", "python/package/__init__.py": "", "python/package/__pycache__/a.pyc": "x"}


def packed(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def found(folder: Path) -> dict[str, str]:
    paths = folder.rglob("*", recurse_symlinks=True)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths if path.is_file()}


def test_a_process_finds_the_files_of_its_archive(tmp_path: Path) -> None:
    archive, target = packed(tmp_path / "code.zip", FILES), tmp_path / "code"
    target.mkdir()

    with zipfile_with_shared_files(tmp_path / "unpacked").ZipFile(str(archive)) as opened:
        assert sorted(opened.namelist()) == ["app.py", "python"]
        opened.extractall(str(target))

    assert found(target) == FILES


def test_an_archive_is_unpacked_once_however_many_processes_start(tmp_path: Path) -> None:
    archives, archive = Archives(tmp_path / "unpacked"), packed(tmp_path / "code.zip", FILES)

    with ThreadPoolExecutor(8) as pool:
        (place,) = set(pool.map(archives.unpacked, [archive] * 32))

    assert list((tmp_path / "unpacked").iterdir()) == [place]
    assert found(place) == FILES


def test_a_new_archive_under_the_same_name_is_another(tmp_path: Path) -> None:
    archives = Archives(tmp_path / "unpacked")
    before = archives.unpacked(packed(tmp_path / "code.zip", FILES))

    after = archives.unpacked(packed(tmp_path / "code.zip", {**FILES, "app.py": "print(1)"}))

    assert found(before) == FILES
    assert found(after)["app.py"] == "print(1)"


def test_what_is_no_archive_says_so_and_leaves_nothing_to_be_taken_for_one(tmp_path: Path) -> None:
    broken = tmp_path / "code.zip"
    broken.write_bytes(b"no archive")

    for _ in range(2):
        with pytest.raises(zipfile.BadZipFile):
            Archives(tmp_path / "unpacked").unpacked(broken)
