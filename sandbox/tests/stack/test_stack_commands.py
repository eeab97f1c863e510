"""`up` and `down` themselves, on one more stack: this one is brought up twice, killed and cleaned up after."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local_aws.emulator import worker_mark
from sandbox.local_stack import Stack
from sandbox.settings import Settings
from tests.e2e.support.own_stack import DOWN_LIMIT, UP_LIMIT, bring_up, folder_of_its_own, processes_of, run
from tests.e2e.support.token_table import Items, TokenTable


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_of_its_own() as made:
        yield made


def test_up_twice_is_harmless_and_down_cleans_up_after_a_crash(folder: Path) -> None:
    described = bring_up(folder)
    stack = Stack.read(folder)
    table = TokenTable(stack.client("dynamodb"), described["table"])
    shopify = stack.broker().merchant("demo").shopify
    token = shopify.current()

    def lasting() -> Items:
        """All but events, which leave by themselves."""
        return {key: item for key, item in table.everything().items() if not key[0].startswith("outbox#")}

    items, processes = lasting(), processes_of(folder)
    functions = [command for command in processes.values() if worker_mark(Settings(folder)) in command]

    assert functions
    assert all(command.startswith(f"{Settings(folder).runtime_python} ") for command in functions)

    again = bring_up(folder)

    assert again == described
    assert lasting() == items
    assert {pid for pid, command in processes.items() if "-m sandbox" in command} <= set(processes_of(folder))
    assert shopify.current(fresh=True) == token

    emulator = json.loads((folder / "state.json").read_text())["processes"]["emulator"]["pid"]
    os.kill(emulator, signal.SIGKILL)
    ended = run("down", folder, limit=DOWN_LIMIT)

    assert ended.returncode == 0, ended.stdout
    time.sleep(0.5)  # A killed process ends a moment later.
    assert processes_of(folder) == {}
    assert {entry.name for entry in folder.iterdir()} <= {"logs", "lock"}, "logs stay, data doesn't"
    assert run("down", folder, limit=DOWN_LIMIT).returncode == 0, "down again is harmless"


def test_a_busy_port_gets_a_sentence_that_helps(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = run("up", folder, limit=UP_LIMIT, TOKEN_BROKER_PORT=port)

    assert ended.returncode == 1
    assert port in ended.stdout
    assert "TOKEN_BROKER_PORT" in ended.stdout
    assert "Traceback" not in ended.stdout
    assert processes_of(folder) == {}


def test_down_where_nothing_ever_ran_is_harmless(folder: Path) -> None:
    assert run("down", folder / "never", limit=DOWN_LIMIT).returncode == 0
    assert list(folder.iterdir()) == []
