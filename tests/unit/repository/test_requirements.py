"""What is installed is pinned by hash, and no file says from where."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PINNED = sorted(
    [
        *(ROOT / "requirements").glob("*.txt"),
        ROOT / "benchmarks/requirements.txt",
        ROOT / "layers/token_broker/requirements.txt",
        ROOT / "functions/storefronts/proof_authorizer/requirements.txt",
    ]
)
NODE = ROOT / "requirements/reference/package-lock.json"


@pytest.mark.parametrize("path", PINNED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_package_has_a_version_and_hashes(path: Path) -> None:
    lines = path.read_text().replace("\\\n", "").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith("#")]

    assert packages
    assert [line for line in packages if not re.match(r"[a-z0-9.\-]+==\S+( +--hash=sha256:[0-9a-f]{64})+$", line)] == []


def test_every_node_package_has_a_version_and_a_hash_and_no_address() -> None:
    packages = json.loads(NODE.read_text())["packages"]
    installed = {name: each for name, each in packages.items() if name}

    assert installed
    assert [name for name, each in installed.items() if not each["integrity"].startswith("sha512-")] == []
    assert [name for name, each in installed.items() if "resolved" in each] == []


def test_the_node_packages_that_are_asked_for_are_those_that_are_pinned() -> None:
    asked = json.loads((NODE.parent / "package.json").read_text())["dependencies"]

    assert json.loads(NODE.read_text())["packages"][""]["dependencies"] == asked
