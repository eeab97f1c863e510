"""A bill of materials lists exactly what the built artifact has."""

import json
import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

from audit import bill_of_materials
from tests.artifacts.built import BUILD, LAYER

pytestmark = pytest.mark.audit


def named(name: str, version: str) -> tuple[str, str]:
    """Return the name as PyPI compares it (PEP 503), and the version."""
    return re.sub(r"[-_.]+", "-", name).lower(), version


def built(folder: Path) -> set[tuple[str, str]]:
    """Return the distributions that a folder describes, each with its version."""
    return {named(each.name, each.version) for each in distributions(path=[str(folder)])}


def test_each_artifact_has_the_distributions_of_its_bill_of_materials(tmp_path: Path) -> None:
    listed = {
        artifact: {named(each["name"], each["version"]) for each in json.loads(file.read_text())["components"]}
        for artifact, file in bill_of_materials.write(tmp_path).items()
    }
    folders = {folder.name: folder / "python" if folder == LAYER else folder for folder in BUILD.iterdir()}
    shipped = {name: found for name, folder in folders.items() if folder.is_dir() and (found := built(folder))}

    assert listed == shipped
    assert len(listed) >= 2
