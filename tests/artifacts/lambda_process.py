"""One built function as Lambda runs it: AWS's runtime client for Python, driven by AWS's emulator of the runtime's API.

Neither needs a container. The process has the function's folder and its layer on its path, and what the Lambda runtime
ships; nothing of this machine's environment.
"""

import contextlib
import json
import os
import platform
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.artifacts.built import PROJECT
from tests.reference.paths import lambda_python

_PROCESSOR = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
#: It comes with the SAM CLI, for Linux.
EMULATOR = (
    PROJECT / f".venvs/local/lib/python3.13/site-packages/samcli/local/rapid/aws-lambda-rie-{_PROCESSOR}"
).absolute()
#: Seconds.
_READY_WITHIN, _ANSWER_WITHIN, _END_WITHIN = 20.0, 40.0, 5.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

#: What Lambda itself sets.
_OF_LAMBDA = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "under-test",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "25",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_REGION": "us-east-1",
    "LANG": "en_US.UTF-8",
    "PATH": "/usr/bin:/bin",
    "TZ": ":UTC",
    # Lambda's file system is read-only.
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class LambdaProcess:
    """A function that runs. `log` is the file of all that it has written to its standard output and error."""

    port: int
    log: Path

    def invoke(self, event: object) -> Any:
        """Invoke the function and return its parsed result, or Lambda's error document if it fails."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations", json.dumps(event).encode()
        )
        try:
            with _NO_PROXY.open(request, timeout=_ANSWER_WITHIN) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as failed:
            with failed:  # 502: the function's process ended
                return json.loads(failed.read())

    def written(self) -> str:
        """All of the log so far."""
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def running(folders: Sequence[Path], environment: Mapping[str, str], log: Path) -> Iterator[LambdaProcess]:
    """Start the emulator; it starts the function's process with the first event. Both have ended with the block.

    `folders` are what becomes /var/task and /opt/python, in the order in which Lambda looks through them.
    """
    invocations, runtime = _free_ports()
    command = [
        *(str(EMULATOR), "--log-level", "warn"),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{invocations}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime}"),
        *(str(lambda_python()), "-P", "-m", "awslambdaric", "app.handler"),
    ]
    paths = {"LAMBDA_TASK_ROOT": str(folders[0]), "PYTHONPATH": os.pathsep.join(map(str, folders))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folders[0],
            env={**_OF_LAMBDA, **paths, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, invocations, log)
        yield LambdaProcess(invocations, log)
    finally:
        _end(process)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"Lambda's runtime interface emulator did not start:\n{log.read_text(errors='replace')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the emulator to end its function, then kill what is left of its session."""
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_WITHIN)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
