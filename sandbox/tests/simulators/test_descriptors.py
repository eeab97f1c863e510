"""Each simulated service is a folder with a descriptor. A wrong one is told with its file and its field."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import StackError
from sandbox.settings import PROJECT
from sandbox.simulators.descriptor import providers, simulators

GOOD = """
from sandbox.simulators.chicksx.simulator import Chicksx
from sandbox.simulators.descriptor import ProviderSimulator

SIMULATOR = ProviderSimulator(make=lambda _now: Chicksx(), demo_secrets=list)
"""

type Write = Callable[[str, str | None], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a package with one simulated service, and return the package's name."""

    def package_with(folder: str, text: str | None) -> str:
        package = tmp_path / f"simulators_of_{tmp_path.name}"
        (package / folder).mkdir(parents=True)
        for each in (package, package / folder):
            (each / "__init__.py").touch()
        if text is not None:
            (package / folder / "simulator.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return package.name

    return package_with


def test_a_folder_with_a_descriptor_is_all_that_a_service_needs(write: Write) -> None:
    assert list(simulators(write("othercart", GOOD))) == ["othercart"]


def test_the_services_are_the_folders_and_the_issuer_is_no_provider() -> None:
    folders = {path.parent.name for path in (PROJECT / "sandbox/simulators").glob("*/__init__.py")}

    assert set(simulators()) == folders
    assert set(providers()) == folders - {"issuer"}


@pytest.mark.parametrize(
    ("folder", "text", "sentence"),
    [
        ("othercart", None, r"othercart/simulator\.py is missing\. It must declare SIMULATOR, a Simulator"),
        ("othercart", "import nothing", r"othercart/simulator\.py cannot be imported\. ModuleNotFoundError"),
        ("othercart", "SIMULATOR = {}", r"othercart/simulator\.py must declare SIMULATOR, a Simulator"),
        ("othercart", GOOD.replace(", demo_secrets=list", ""), r"/simulator\.py .*missing.*'demo_secrets'"),
        ("othercart", GOOD.replace("list)", "list, port=1)"), r"othercart/simulator\.py .*unexpected.*'port'"),
        ("othercart", GOOD.replace("list)", "list, path=1)"), r"othercart/simulator\.py: the field path .* be str"),
        (
            "othercart",
            GOOD.replace("list)", "list, credential_headers='x')"),
            "_headers of SIMULATOR must be tuple",
        ),
        ("othercart", GOOD.replace("=list", "=[]"), r"simulator\.py: the field demo_secrets .* must be .*Callable"),
        ("Other-Cart", GOOD, r"Other-Cart: the name must be lower-case letters and digits"),
        ("control", GOOD, r"control: the name must be none of control, faults, now, pid"),
    ],
)
def test_a_wrong_descriptor_is_told_with_its_file_and_its_field(
    write: Write, folder: str, text: str | None, sentence: str
) -> None:
    with pytest.raises(StackError, match=sentence):
        simulators(write(folder, text))


@pytest.mark.parametrize(
    ("command", "text", "sentence"),
    [
        (["sandbox.stack", "up"], GOOD.replace("=list", "=1"), "simulator.py: the field demo_secrets of SIMULATOR"),
        (["sandbox.stack", "up"], GOOD, "template.yaml has no parameter OthercartBaseUrl"),
        (
            ["sandbox.simulators", "--ready-file", "ready.json"],
            GOOD.replace("Chicksx()", "1 / 0"),
            "simulator.py: the field make of SIMULATOR fails. ZeroDivisionError",
        ),
    ],
)
def test_a_command_ends_with_the_sentence(tmp_path: Path, command: list[str], text: str, sentence: str) -> None:
    shutil.copytree(PROJECT / "sandbox", tmp_path / "sandbox", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    shutil.copy(PROJECT / "template.yaml", tmp_path)
    (tmp_path / "sandbox/simulators/othercart").mkdir()
    (tmp_path / "sandbox/simulators/othercart/simulator.py").write_text(text)

    ended = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )

    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
