"""Keep the stack's state between two commands in the file state.json, which only its owner can read.

{"processes": {name: {"pid","started","mark"}}, "port": n, "deployed": {"digest","parameters","emulator"}}
"""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.background.processes import Identity
from sandbox.errors import StackError


class State:
    """Keep the state of one stack.

    Every change is on disk before the next step begins, so a crash leaves a record.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value: dict[str, Any] = {"processes": {}}
        # A truncated file counts as none. `down` also finds processes by their command lines.
        with contextlib.suppress(OSError, ValueError):
            self._value.update(json.loads(path.read_text()))

    @property
    def port(self) -> int | None:
        return self._value.get("port")

    @port.setter
    def port(self, port: int) -> None:
        self._value["port"] = port
        self._write()

    @property
    def deployed(self) -> dict[str, Any] | None:
        """Return the last deployment, as `deploy` describes it."""
        return self._value.get("deployed")

    @deployed.setter
    def deployed(self, what: dict[str, Any] | None) -> None:
        self._value["deployed"] = what
        self._write()

    def processes(self) -> dict[str, Identity]:
        return {name: Identity.from_json(value) for name, value in self._value["processes"].items()}

    def process(self, name: str) -> Identity | None:
        """Return the recorded process if it is alive."""
        identity = self.processes().get(name)
        return identity if identity is not None and identity.is_alive() else None

    def remember(self, name: str, identity: Identity) -> None:
        self._value["processes"][name] = identity.as_json()
        self._write()

    def forget(self, name: str) -> None:
        self._value["processes"].pop(name, None)
        self._write()

    def _write(self) -> None:
        write_privately(self._path, self._value)


def write_privately(path: Path, value: object) -> None:
    """Write JSON atomically, in a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(value, indent=2) + "\n")
    unfinished.replace(path)


@contextlib.contextmanager
def locked(path: Path, *, busy: str, seconds: float) -> Iterator[None]:
    """Hold a lock until the block or the process ends.

    Raises `StackError(busy)` if the lock is not free within `seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(busy) from None
                time.sleep(0.2)
        yield
