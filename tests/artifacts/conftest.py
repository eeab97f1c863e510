"""The build for this machine, brought up to date, and what its functions talk to: once for all tests."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.artifacts import backends
from tests.artifacts.backends import Surroundings
from tests.artifacts.built import PROJECT

#: Seconds; a first build downloads packages.
_BUILD_LIMIT = 420


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    """Nothing is done where nothing has changed."""
    ended = subprocess.run(
        [str(PROJECT / ".venvs/local/bin/python"), "-m", "sandbox.stack", "build-here"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_BUILD_LIMIT,
        check=False,
    )
    assert ended.returncode == 0, f"The build failed:\n{ended.stdout}{ended.stderr}"


@pytest.fixture(scope="session")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    if sys.platform != "linux":
        pytest.skip("Lambda's runtime interface emulator runs on Linux only")
    with backends.started(tmp_path_factory.mktemp("local-aws")) as made:
        yield made
