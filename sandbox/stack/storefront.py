"""Opening the demo storefront, and letting it in: its process, its proof key, the trust policy that names it."""

import contextlib
import json
import time
from pathlib import Path

from sandbox.stack import environment, processes
from sandbox.stack.errors import StackError
from sandbox.stack.settings import PROJECT, Settings
from sandbox.stack.state import State

NAME = "storefront"
_READY_WITHIN = 20.0


def ready_file(settings: Settings) -> Path:
    """Written by the shop's server: {"pid","url"}."""
    return settings.state_dir / "storefront.json"


def mark(settings: Settings) -> str:
    return f"-m sandbox.storefront --ready-file {ready_file(settings)} "


def start(settings: Settings, state: State) -> str:
    """The shop's address: of the one that is open, or of a new one. Raises StackError."""
    file = ready_file(settings)
    if state.process(NAME) is not None and (url := _url(file)):
        return url
    stop(state)
    file.unlink(missing_ok=True)
    log = settings.logs / "storefront.log"
    command = [str(settings.local_python), "-m", "sandbox.storefront", "--ready-file", str(file)]
    process, identity = processes.start(
        [*command, "--stack-folder", str(settings.state_dir)],
        mark=mark(settings),
        log=log,
        environment=environment.plain(),
        folder=PROJECT,
    )
    state.remember(NAME, identity)
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StackError("The demo storefront ended while it started.", log)
        if url := _url(file):
            return url
        time.sleep(0.05)
    raise StackError(f"The demo storefront was not ready within {_READY_WITHIN:.0f} s.", log)


def stop(state: State) -> None:
    """Close the shop if it is open."""
    if (running := state.process(NAME)) is not None:
        processes.stop(running)
    state.forget(NAME)


def _url(file: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads(file.read_text())["url"])
    return None
