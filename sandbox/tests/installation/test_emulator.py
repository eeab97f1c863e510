"""The installed emulator has every name that is replaced in it, and README.md lists each."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from sandbox.local_aws.patches import patches
from sandbox.settings import PROJECT
from tests.reference.paths import local_python

NAMES = [f"{patch.module}.{patch.name}" for patch in patches("", Path())]
#: Names that no version has, each with the one that is missed.
GONE = {
    'Patch("ministack.gone", "name", print)': "ministack.gone.name",
    'Patch("ministack.app", "gone", print)': "ministack.app.gone",
    'Patch("ministack.app", "main", print, (("ministack.core", "gone"),))': "ministack.core.gone",
}
README = (PROJECT / "sandbox/local_aws/README.md").read_text()
#: It applies all patches to the installed emulator, and prints what each complains of.
SCRIPT = f"""
import json, pathlib
from sandbox.local_aws.patches import Patch, patches

def complaint(patch):
    try:
        patch.apply()
    except RuntimeError as error:
        return str(error)

print(json.dumps([complaint(each) for each in (*patches("a-python", pathlib.Path()), {", ".join(GONE)})]))
"""


@pytest.fixture(scope="module")
def complaints() -> dict[str, str | None]:
    ended = subprocess.run(
        [str(local_python()), "-c", SCRIPT], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    return dict(zip([*NAMES, *GONE], json.loads(ended.stdout), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_installed_emulator_has_a_name_that_is_replaced(complaints: dict[str, str | None], name: str) -> None:
    assert complaints[name] is None
    assert f"`{name.removeprefix('ministack.')}`" in README


@pytest.mark.parametrize(("patch", "name"), GONE.items())
def test_a_missing_name_gets_a_sentence(complaints: dict[str, str | None], patch: str, name: str) -> None:
    assert re.match(
        rf"ministack [0-9.]+ has no {re.escape(name)}, which \S+/patches.py needs\.$", complaints[patch] or ""
    )


def test_the_list_names_files_and_tests_that_exist() -> None:
    paths = set(re.findall(r"`([\w./]+\.py)`", README))

    assert paths
    assert [
        each for each in paths if not any((folder / each).exists() for folder in (PROJECT, PROJECT / "sandbox"))
    ] == []
