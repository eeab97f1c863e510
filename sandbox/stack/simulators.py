"""Starting the simulators of the providers and of an OIDC issuer, and finding their addresses."""

import contextlib
import json
import time

from sandbox.stack import environment, processes
from sandbox.stack.errors import StackError
from sandbox.stack.settings import PROJECT, Settings
from sandbox.stack.state import State

NAME = "simulators"
_READY_WITHIN = 20.0


def mark(settings: Settings) -> str:
    return f"-m sandbox.simulators --ready-file {settings.simulators_file}"


def start(settings: Settings, state: State) -> dict[str, str]:
    """The addresses by name: the three providers, `issuer` and `control`. Raises StackError."""
    if state.process(NAME) is not None and (addresses := _addresses(settings)):
        return addresses
    stop(state)
    settings.simulators_file.unlink(missing_ok=True)
    log = settings.logs / "simulators.log"
    command = [str(settings.local_python), "-m", "sandbox.simulators"]
    process, identity = processes.start(
        [*command, "--ready-file", str(settings.simulators_file)],
        mark=mark(settings),
        log=log,
        environment=environment.plain(),
        folder=PROJECT,
    )
    state.remember(NAME, identity)
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StackError("The provider simulators ended while they started.", log)
        if addresses := _addresses(settings):
            return addresses
        time.sleep(0.05)
    raise StackError(f"The provider simulators were not ready within {_READY_WITHIN:.0f} s.", log)


def stop(state: State) -> None:
    """End the simulators if they run."""
    if (running := state.process(NAME)) is not None:
        processes.stop(running)
    state.forget(NAME)


def _addresses(settings: Settings) -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        written = json.loads(settings.simulators_file.read_text())
        return {name: address for name, address in written.items() if name != "pid"}
    return {}
