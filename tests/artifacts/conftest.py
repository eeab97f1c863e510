"""The build for this machine, brought up to date, and what its functions talk to: once for all tests."""

import sys
from collections.abc import Iterator

import pytest

from sandbox.settings import Settings
from sandbox.stack import build
from tests.artifacts import backends
from tests.artifacts.backends import Surroundings


@pytest.fixture(scope="session", autouse=True)
def _built(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing is done where nothing has changed."""
    with build.build_folder():
        build.build(Settings(tmp_path_factory.mktemp("build")), None, build.THIS_MACHINE)


@pytest.fixture(scope="session")
def around() -> Iterator[Surroundings]:
    if sys.platform != "linux":
        pytest.skip("Lambda's runtime interface emulator runs on Linux only")
    with backends.started() as made:
        yield made
