"""Start the sandbox's own servers.

Each server is a Python module in its own process. It writes its addresses to a file.
"""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.background import environment, processes
from sandbox.background.state import State
from sandbox.errors import StackError
from sandbox.settings import PROJECT, Settings

_READY_WITHIN = 20.0


@dataclass(frozen=True)
class Server:
    """Describe one server.

    `module` is its module below `sandbox`. `title` is for people. `ready_file` receives `{"pid", …addresses by name}`.
    """

    module: str
    title: str
    ready_file: Path
    arguments: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """Return the part of the command line that identifies the server."""
        return f"-m sandbox.{self.module} --ready-file {self.ready_file}"

    def start(self, settings: Settings, state: State) -> Mapping[str, str]:
        """Start the server unless it runs, and return its addresses.

        Raises `StackError` if it does not start.
        """
        if state.process(self.module) is not None and (addresses := self._addresses()):
            return addresses
        self.stop(state)
        self.ready_file.unlink(missing_ok=True)
        log = settings.logs / f"{self.module}.log"
        process, identity = processes.start(
            [
                *(str(settings.local_python), "-m", f"sandbox.{self.module}"),
                *("--ready-file", str(self.ready_file)),
                *self.arguments,
            ],
            mark=self.mark,
            log=log,
            environment=environment.base(),
            folder=PROJECT,
        )
        state.remember(self.module, identity)
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StackError(f"{self.title} ended while starting: {processes.last_error(log)}", log)
            if addresses := self._addresses():
                return addresses
            time.sleep(0.05)
        raise StackError(f"{self.title} took longer than {_READY_WITHIN:.0f} s to start.", log)

    def stop(self, state: State) -> None:
        """Stop the server if it runs."""
        if (running := state.process(self.module)) is not None:
            processes.stop(running)
        state.forget(self.module)

    def _addresses(self) -> dict[str, str]:
        with contextlib.suppress(OSError, ValueError):
            written = json.loads(self.ready_file.read_text())
            return {name: address for name, address in written.items() if name != "pid"}
        return {}


def simulators(settings: Settings) -> Server:
    """Return the server of the providers and the OIDC issuer.

    Its addresses have the names of the services, and `control`.
    """
    return Server("simulators", "The provider simulators", settings.state_dir / "simulators.json")


def storefront(settings: Settings) -> Server:
    """Return the server of the demo storefront. Its address is `url`."""
    folder = ("--stack-folder", str(settings.state_dir))
    return Server("storefront", "The demo storefront", settings.state_dir / "storefront.json", folder)


def fault_proxy(settings: Settings) -> Server:
    """Return the server between the functions and the emulator. Its addresses are `url` and `control`."""
    return Server("fault_proxy", "The fault proxy", settings.state_dir / "fault_proxy.json")
