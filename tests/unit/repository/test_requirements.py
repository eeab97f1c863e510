"""What is installed is pinned, and no file says from where. The installers check the hashes of what they install."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OTHERS = ("benchmarks", "layers/token_broker", "functions/storefronts/proof_authorizer")
PINNED = sorted([*(ROOT / "requirements").glob("*.txt"), *(ROOT / folder / "requirements.txt" for folder in OTHERS)])
NODE = sorted((ROOT / "requirements").glob("*/package-lock.json"))


@pytest.mark.parametrize("path", PINNED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_python_package_has_hashes_and_no_address(path: Path) -> None:
    """With one hash in a file, pip wants one of each package."""
    assert "--hash=sha256:" in path.read_text()
    assert "://" not in path.read_text()


@pytest.mark.parametrize("path", NODE, ids=lambda path: path.parent.name)
def test_every_node_package_has_a_version_and_a_hash_and_no_address(path: Path) -> None:
    packages = json.loads(path.read_text())["packages"]
    installed = {name: each for name, each in packages.items() if name}

    assert installed
    assert [name for name, each in installed.items() if not each["integrity"].startswith("sha512-")] == []
    assert [name for name, each in installed.items() if "resolved" in each] == []
