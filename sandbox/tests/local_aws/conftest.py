"""One emulated AWS with all corrections, and nothing deployed to it."""

import subprocess
from collections.abc import Iterator

import pytest

from sandbox.background import processes
from sandbox.background.state import State
from sandbox.local_stack import Stack
from sandbox.settings import ACCESS_KEY_ID, PROJECT, REGION, SECRET_ACCESS_KEY, Settings
from tests.reference.paths import local_python

START = """
import sys, pathlib
from sandbox.background.state import State
from sandbox.local_aws import emulator
from sandbox.settings import Settings

settings = Settings(pathlib.Path(sys.argv[1]))
print(emulator.start(settings, State(settings.state_file)))
"""


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("local-aws")
    administrator = {"accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY}
    command = [str(local_python()), "-c", START, str(folder)]
    try:
        started = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60)
        endpoint = started.stdout.strip()
        yield Stack({"endpointUrl": endpoint, "region": REGION, "credentials": administrator}, folder)
    finally:
        for identity in State(Settings(folder).state_file).processes().values():
            processes.stop(identity)
