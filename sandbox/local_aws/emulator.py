"""Start the emulated AWS on a loopback port."""

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

from sandbox.background import environment, processes
from sandbox.background.state import State
from sandbox.errors import StackError
from sandbox.settings import PROJECT, Settings

NAME = "emulator"
_READY_WITHIN = 60.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def mark(settings: Settings) -> str:
    """Return the part of the emulator's command line that identifies it."""
    return f"-m sandbox.local_aws.emulator_process {settings.state_dir} "


def worker_mark(settings: Settings) -> str:
    """Return the part of the command line that all function processes of this stack have."""
    return f" {settings.scratch}/ministack-lambda-"


def endpoint(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def start(settings: Settings, state: State, functions_endpoint: str | None = None) -> str:
    """Start the emulator unless it runs, and return its endpoint.

    `functions_endpoint` is the functions' AWS endpoint in a new emulator, if it is not the emulator itself. Raises
    `StackError`.
    """
    running = state.process(NAME)
    if running is not None and state.port is not None and _healthy(state.port):
        if settings.port not in (None, state.port):
            raise StackError(f"The stack runs on port {state.port}: run `make down` before another port is used.")
        return endpoint(state.port)
    if running is not None:
        processes.stop(running)
    if settings.port is not None:
        return _start_on(settings, state, settings.port, functions_endpoint)
    for _ in range(2):
        with contextlib.suppress(_PortTakenError):
            return _start_on(settings, state, _free_port(), functions_endpoint)
    return _start_on(settings, state, _free_port(), functions_endpoint)


class _PortTakenError(StackError):
    """Report that another process listens on the port."""


def _start_on(settings: Settings, state: State, port: int, functions_endpoint: str | None) -> str:
    if not _is_free(port):
        raise _PortTakenError(
            f"Port {port} is busy: set TOKEN_BROKER_PORT to another one, or leave it unset for a free one."
        )
    settings.scratch.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "emulator.log"
    command = [str(settings.local_python), "-m", "sandbox.local_aws.emulator_process"]
    process, identity = processes.start(
        [*command, str(settings.state_dir), str(settings.runtime_python)],
        mark=mark(settings),
        log=log,
        environment=environment.emulator(settings, port, functions_endpoint),
        folder=PROJECT,
    )
    state.remember(NAME, identity)
    state.deployed = None
    state.port = port
    _wait(process, port, settings)
    return endpoint(port)


def _wait(process: subprocess.Popen[bytes], port: int, settings: Settings) -> None:
    log = settings.logs / "emulator.log"
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if "already in use" in log.read_text(errors="replace"):
                raise _PortTakenError(f"Port {port} was taken at the last moment: run the same command again.", log)
            raise StackError(f"The local AWS ended while starting: {processes.last_error(log)}", log)
        if _healthy(port):
            return
        time.sleep(0.1)
    raise StackError(f"The local AWS did not respond within {_READY_WITHIN:.0f} s.", log)


def _healthy(port: int) -> bool:
    try:
        with _NO_PROXY.open(f"{endpoint(port)}/_ministack/health", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
