"""The local AWS in a process that ends with the tests."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.background import environment
from sandbox.settings import PROJECT, Settings

#: Seconds.
_READY_WITHIN, _END_WITHIN = 60.0, 5.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def local_aws(settings: Settings) -> Iterator[str]:
    """Its endpoint. What it keeps is in the settings' folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings.scratch.mkdir(parents=True)
    settings.logs.mkdir(parents=True)
    log = settings.logs / "emulator.log"
    module = ("-m", "sandbox.local_aws.emulator_process", str(settings.state_dir), str(settings.runtime_python))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(settings.local_python), *module],
            cwd=PROJECT,
            env=environment.emulator(settings, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        until = time.monotonic() + _READY_WITHIN
        while not _healthy(endpoint):
            ended = process.poll() is not None or time.monotonic() > until
            assert not ended, f"The local AWS did not start:\n{log.read_text(errors='replace')}"
            time.sleep(0.1)
        yield endpoint
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_WITHIN)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _healthy(endpoint: str) -> bool:
    try:
        with _NO_PROXY.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
