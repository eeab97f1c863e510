"""One built function as Lambda runs it: AWS's runtime client for Python, driven by AWS's emulator of the runtime's API.

Neither needs a container. The process has the function's folder and its layer on its path, and what the Lambda runtime
ships; nothing of this machine's environment.
"""

import contextlib
import json
import os
import platform
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.settings import PROJECT
from tests.reference.paths import lambda_python
from tests.reference.servers import free_port, serving

_PROCESSOR = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
#: It comes with the SAM CLI, for Linux.
EMULATOR = PROJECT / f".venvs/local/lib/python3.13/site-packages/samcli/local/rapid/aws-lambda-rie-{_PROCESSOR}"
#: Seconds.
_ANSWER_WITHIN = 40.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class LambdaProcess:
    """A function that runs. `log` is the file of all that it has written to its standard output and error."""

    address: str
    log: Path

    def invoke(self, event: object) -> Any:
        """Invoke the function and return its parsed result, or Lambda's error document if it fails."""
        url = f"{self.address}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, json.dumps(event).encode())  # noqa: S310  # on loopback
        try:
            with _NO_PROXY.open(request, timeout=_ANSWER_WITHIN) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as failed:
            with failed:  # 502: the function's process ended
                return json.loads(failed.read())


@contextlib.contextmanager
def running(folders: Sequence[Path], environment: Mapping[str, str], log: Path) -> Iterator[LambdaProcess]:
    """Start the emulator; it starts the function's process with the first event. Both have ended with the block.

    `folders` are what becomes /var/task and /opt/python, in the order in which Lambda looks through them.
    """
    variables = {
        **environment,
        "LAMBDA_TASK_ROOT": str(folders[0]),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's file system is read-only
    }

    def command(port: int, _: Path) -> list[str]:
        return [
            *("env", "--ignore-environment", f"--chdir={folders[0]}"),
            *(f"{name}={value}" for name, value in variables.items()),
            *(str(EMULATOR), "--log-level", "warn"),
            *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
            *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
            *(str(lambda_python()), "-P", "-m", "awslambdaric", "app.handler"),
        ]

    with serving("Lambda's runtime interface emulator", command, log=log) as address:
        yield LambdaProcess(address, log)
