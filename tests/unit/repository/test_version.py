"""The version is the same wherever it is written: layer, project, client, deployed stack and changelog."""

import json
import re
import tomllib

from tests.unit.repository.pages import ROOT
from tests.unit.repository.transformed import transformed
from token_broker import __version__


def test_every_place_has_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    client = json.loads((ROOT / "clients/js/package.json").read_text())["version"]
    newest = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]

    assert {project, transformed()["Outputs"]["Version"]["Value"], newest, client} == {__version__}
