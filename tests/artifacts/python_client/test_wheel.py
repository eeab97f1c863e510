"""The Python client as users get it: a wheel, installed into an empty environment, with the suite of its own.

The packages beside it come from a folder that the first run fills. So later runs need no network.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "clients/python"
BUILDER = ROOT / ".venvs/client/bin/python"
PACKAGES = ROOT / ".venvs/client/packages"

pytestmark = pytest.mark.audit


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """Run a command without this process's settings of Python. Return its output."""
    clean = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    arguments = [str(each) for each in command]
    ran = subprocess.run(arguments, check=False, cwd=folder, env=clean, capture_output=True, text=True)
    assert ran.returncode == 0, f"{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
    return ran.stdout


def python_3_11() -> str | None:
    """Return a Python 3.11: $PYTHON311, or from PATH or pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(pyenv.glob("versions/3.11*/bin/python3.11"))
    for candidate in [os.environ.get("PYTHON311"), shutil.which("python3.11"), *map(str, found)]:
        # A shim of pyenv exists even where no such version is selected.
        code = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"
        if candidate and subprocess.run([candidate, "-c", code], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source archive, and the wheel from it."""
    folder = tmp_path_factory.mktemp("built")
    run(BUILDER, "-m", "build", "--no-isolation", "--outdir", folder, CLIENT)
    assert len(list(folder.glob("token_broker_client-*.tar.gz"))) == 1
    [built] = folder.glob("*.whl")
    return built


def test_the_wheel_has_the_package_and_its_metadata(wheel: Path) -> None:
    source = next(wheel.parent.glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        assert any(name.endswith("/LICENSE") for name in archive.getnames())
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith("/METADATA")]
        described = Parser().parsestr(archive.read(metadata).decode())
        [license_file] = [name for name in names if name.endswith("/licenses/LICENSE")]
        assert archive.read(license_file) == (ROOT / "LICENSE").read_bytes()
    modules = {path.relative_to(CLIENT / "src").as_posix() for path in CLIENT.glob("src/token_broker_client/*.py")}
    package = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert package == {*modules, "token_broker_client/py.typed"}
    assert (described["Name"], described["Requires-Python"], described["License-Expression"]) == (
        "token-broker-client",
        ">=3.11",
        "Apache-2.0",
    )
    assert sorted(described.get_all("Requires-Dist", [])) == ["botocore>=1.40", "urllib3<3,>=1.26.20"]
    assert "The first token" in str(described.get_payload())


@pytest.mark.parametrize(("version", "sdk"), [("3.11", "newest"), ("3.11", "oldest"), ("3.13", "newest")])
def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path, version: str, sdk: str) -> None:
    python = sys.executable if version == "3.13" else python_3_11()
    if python is None:
        pytest.skip("PYTHON 3.11 WAS NOT TRIED: there is none here. Install it, or set PYTHON311 to its path.")
    required = ROOT / f"requirements/client-{sdk}.txt"
    pip = ("-m", "pip", "--no-input", "--disable-pip-version-check", "--quiet")
    pinned = ("--require-hashes", "--requirement", required)
    stamp = PACKAGES / f"{sdk}.txt"
    if not stamp.exists() or stamp.read_bytes() != required.read_bytes():
        # Each of them is a wheel for all versions of Python.
        run(BUILDER, *pip, "download", "--only-binary", ":all:", "--dest", PACKAGES, *pinned)
        stamp.write_bytes(required.read_bytes())
    run(python, "-m", "venv", tmp_path / "venv")
    installed = tmp_path / "venv/bin/python"
    run(installed, *pip, "install", "--no-index", "--find-links", PACKAGES, *pinned)
    run(installed, *pip, "install", "--no-index", "--no-deps", wheel)
    run(installed, *pip, "check")

    where = run(installed, "-c", "import token_broker_client; print(token_broker_client.__file__)", folder=tmp_path)
    assert where.startswith(str(tmp_path / "venv"))
    shutil.copytree(CLIENT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = --import-mode=importlib\npythonpath = tests\nfilterwarnings =\n    error\n"
        "    ignore:datetime.datetime.utcnow:DeprecationWarning\n"
    )
    shown = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", folder=tmp_path)
    assert " passed" in shown
    assert "skipped" not in shown
