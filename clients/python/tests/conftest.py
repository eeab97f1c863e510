"""What holds for the client's tests. They need pytest and what the client depends on, and nothing of the product."""

import copy
import os
import socket
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import botocore.session
import pytest

from loopback import Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a server of the test's own, to which connections are allowed."""
    monkeypatch.undo()
    _clean_environment(monkeypatch)
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a wait or a connection an error of the test, and keep the machine's own settings out of it."""

    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a unit test would have waited or opened a connection")

    monkeypatch.setattr(time, "sleep", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    _clean_environment(monkeypatch)


def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def _prepared() -> Any:
    """Return a session that tests copy, since making one takes longer than most tests."""
    made = botocore.session.Session()
    made.set_config_variable("region", "eu-central-1")
    return made


@pytest.fixture
def session(_prepared: Any) -> Any:
    """Return a session of botocore with credentials and a region."""
    made = copy.copy(_prepared)
    made.set_credentials("AKIDEXAMPLE", "a-secret-key", "a-session-token")
    return made
